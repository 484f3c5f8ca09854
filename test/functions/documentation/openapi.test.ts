import process from 'node:process';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type GenericSchema, safeParse } from 'valibot';
import { apiDocument, everyFunction } from '../../../knative/generate/openapi.ts';
import { PUBLIC_URL_PLACEHOLDER } from '../../../shared/documentation/problem-example.ts';
import { type Served, serve } from '../../../shared/platform/host/serve.ts';
import { asDocumented } from '../../shared/documentation/as-documented.ts';
import { lintOpenapi } from '../../shared/documentation/lint-openapi.ts';

const here = 'https://pay.example.co.id';
let served: Served;

beforeAll(async () => {
  process.env.PUBLIC_URL = here;
  served = await serve([(await import('../../../functions/documentation/openapi.ts')).default], 0);
});
afterAll(() => served.drain());

const get = (headers: Record<string, string> = {}) =>
  fetch(`http://localhost:${served.port}/v1/openapi.json`, { headers: { 'accept-encoding': 'identity', ...headers } });

test('the built document is that of the functions: when this fails, run `make build`', async () => {
  const served: unknown = await (await get()).json();
  const generated = JSON.stringify(await apiDocument()).replaceAll(PUBLIC_URL_PLACEHOLDER, here);
  expect(served).toEqual(JSON.parse(generated));
});

test('the document is valid OpenAPI 3.1, with examples that fit their schemas', async () => {
  expect(await lintOpenapi(JSON.parse(JSON.stringify(await apiDocument())))).toEqual([]);
});

test('every function that answers over HTTP is in it, and none that only takes events', async () => {
  const document = await apiDocument();
  const documented = Object.entries(document.paths).flatMap(([path, operations]) =>
    Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
  );
  const functions = await everyFunction();
  for (const { declaration } of functions) if (declaration.http) expect(documented).toContain(declaration.http.route);
  for (const { declaration } of functions.filter(({ declaration }) => !declaration.http)) {
    expect(JSON.stringify(document)).not.toContain(`"operationId":"${declaration.name}"`);
  }
});

test('every function takes the example of its request', async () => {
  const document = await apiDocument();
  for (const { declaration } of await everyFunction()) {
    const schema: GenericSchema | undefined = declaration.http?.body;
    if (!schema) continue;
    const [method = '', path = ''] = declaration.http?.route.split(' ') ?? [];
    const body = document.paths[path]?.[method.toLowerCase()]?.requestBody?.content['application/json'];
    const { issues } = safeParse(schema, body?.example);
    expect([declaration.name, issues?.map(({ message }) => message)]).toEqual([declaration.name, undefined]);
  }
});

test('every caller gets it, with the address of this platform in it', async () => {
  const response = await get();
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toBe('application/json');
  const text = await response.text();
  expect(JSON.parse(text)).toMatchObject({ openapi: '3.1.0', servers: [{ url: here }] });
  expect(text).not.toContain('one-gate.example');
  expect(text).toContain(`${here}/errors/insufficient_funds`);
});

test('an unchanged document is not fetched again, and it comes compressed to clients that accept that', async () => {
  const first = await get();
  const etag = first.headers.get('etag') ?? '';
  expect(first.headers.get('cache-control')).toBe('public, max-age=300');
  const again = await get({ 'if-none-match': `"another", W/${etag}` });
  expect([again.status, await again.text(), again.headers.get('etag')]).toEqual([304, '', etag]);

  // fetch decompresses by itself; that it could is the proof.
  const zipped = await get({ 'accept-encoding': 'gzip' });
  expect(zipped.headers.get('content-encoding')).toBe('gzip');
  expect(zipped.headers.get('etag')).not.toBe(etag);
  expect(await zipped.json()).toEqual(await first.json());
  expect((await get({ 'accept-encoding': 'gzip;q=0' })).headers.get('content-encoding')).toBeNull();
});

test('every function’s answer to an empty request without a token is in the document', async () => {
  const faults = asDocumented(await apiDocument());
  for (const { declaration } of await everyFunction()) {
    if (!declaration.http) continue;
    const stranger = await serve([declaration], 0);
    const [method = '', path = ''] = declaration.http.route.split(' ');
    const body = method === 'GET' ? {} : { headers: { 'content-type': 'application/json' }, body: '{}' };
    const answer = await fetch(`http://localhost:${stranger.port}${path.replace(/\{\w+\}/g, 'x')}`, {
      method,
      ...body,
    });
    expect([declaration.name, await faults(declaration.name, answer)]).toEqual([declaration.name, []]);
    await stranger.drain();
  }
});
