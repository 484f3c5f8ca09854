import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';
import process from 'node:process';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { REDOC_VERSION } from '../../../shared/documentation/reference-page.ts';
import { type Served, serve } from '../../../shared/platform/host/serve.ts';
import { problems } from '../../../shared/platform/http/problems.ts';

const here = 'https://pay.example.co.id';
let served: Served;

beforeAll(async () => {
  process.env.PUBLIC_URL = here;
  served = await serve([(await import('../../../functions/documentation/docs.ts')).default], 0);
});
afterAll(() => served.drain());

async function get(path: string, headers: Record<string, string> = { accept: 'text/html,*/*;q=0.8' }) {
  const response = await fetch(`http://localhost:${served.port}${path}`, { headers });
  return { status: response.status, headers: response.headers, text: await response.text() };
}

test('the reference runs only our own script, under a nonce that is new each time', async () => {
  const first = await get('/docs');
  expect(first.status).toBe(200);
  expect(first.headers.get('content-type')).toBe('text/html; charset=utf-8');
  expect(first.text).toContain('<title>One Gate API</title>');
  const policy = first.headers.get('content-security-policy') ?? '';
  const nonce = /script-src 'nonce-([^']+)'/.exec(policy)?.[1];
  expect(policy).toContain("default-src 'none'");
  expect(policy).not.toContain('unsafe');
  const scripts = first.text.match(/<script[^>]*>/g) ?? [];
  expect(scripts).toHaveLength(2);
  const escaped = (text = '') => text.replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
  for (const script of scripts) expect(script).toContain(`nonce="${escaped(nonce)}"`);
  expect((await get('/docs')).headers.get('content-security-policy')).not.toBe(policy);
});

test('the reference works without the internet: the platform serves its script, which browsers keep', async () => {
  const script = await get('/docs/redoc.js');
  expect(script.headers.get('content-type')).toBe('text/javascript; charset=utf-8');
  expect(script.text).toContain('Redoc');
  expect(script.text).not.toContain('cdn.redoc.ly');
  const again = await get('/docs/redoc.js', { 'if-none-match': script.headers.get('etag') ?? '' });
  expect(again.status).toBe(304);
});

test("the policy names the styles of this version of Redoc: with another version, look into a browser's console first", () => {
  const { version } = createRequire(import.meta.url)('redoc/package.json');
  expect(version).toBe(REDOC_VERSION);
});

test.each(Object.keys(problems))('%s has a page to which its problem leads', async (code) => {
  const { status, headers, text } = await get(`/errors/${code}`);
  const kind = problems[code as keyof typeof problems];
  expect([status, headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
  expect(text).toContain(`<h1>${kind.title}</h1>`);
  expect(text).toContain(`<code>${code}</code> · ${kind.status}`);
  expect(text).toContain(`${here}/errors/${code}`);
  expect(text).not.toMatch(/undefined|\[object/);
});

test('the page of an error says which functions answer with it', async () => {
  const { text } = await get('/errors/insufficient_funds');
  expect(text).toContain('<a href="/docs#operation/pay"><code>POST /v1/pay</code></a>');
  expect(text).not.toContain('#operation/login');
});

test("a page's own style is the only one its policy lets in", async () => {
  const { headers, text } = await get('/errors');
  const style = /<style>([\s\S]*?)<\/style>/.exec(text)?.[1] ?? '';
  const hash = createHash('sha256').update(style).digest('base64');
  expect(headers.get('content-security-policy')).toContain(`style-src 'sha256-${hash}'`);
  expect(text).not.toContain('<script');
});

test('the list of errors leads to every one of them', async () => {
  const { text } = await get('/errors');
  for (const code of Object.keys(problems)) expect(text).toContain(`href="/errors/${code}"`);
});

test('programs get the same as data', async () => {
  const one = await get('/errors/rate_limited', { accept: 'application/json' });
  expect(one.headers.get('content-type')).toBe('application/json');
  expect(JSON.parse(one.text)).toMatchObject({
    data: { code: 'rate_limited', status: 429, safe_to_retry: true, type: `${here}/errors/rate_limited` },
    request_id: one.headers.get('x-request-id'),
  });
  const all = await get('/errors', { accept: 'application/problem+json' });
  expect(JSON.parse(all.text).data.map(({ code }: { code: string }) => code)).toEqual(Object.keys(problems));
  expect((await get('/errors/rate_limited', { accept: '*/*' })).text).toContain('<!doctype html>');
});

test.each(['/errors/unheard_of', '/errors/constructor', '/errors/%3Cscript%3E'])(
  'there is no page at %s, and the answer does not repeat the path',
  async (path) => {
    const { status, headers, text } = await get(path);
    expect([status, headers.get('content-type')]).toEqual([404, 'application/problem+json']);
    expect(JSON.parse(text)).toMatchObject({ code: 'not_found' });
    expect(text).not.toContain('script');
  },
);
