// Functions answer the gateway and the sources of their events. Any other sender is refused, and wakes nothing.

import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import * as v from 'valibot';
import type { Served } from '../../../../shared/platform/host/serve.ts';
import { anyone, defineFunction } from '../../../../shared/platform/http/function.ts';
import { atFirstRequest } from '../../../../shared/platform/wake.ts';

const OLD = 'old-proof-of-the-gateway-0123456789';
const NEW = 'new-proof-of-the-gateway-0123456789';
const SOURCE = 'proof-of-the-sources-0123456789abcdef';

process.env['LOG_LEVEL'] = 'silent';
process.env['K_SERVICE'] = 'notes';
process.env['GATEWAY_PROOF'] = `${NEW},${OLD}`;
process.env['SOURCE_PROOF'] = SOURCE;

type Sent = Record<string, string> | [string, string][];

let served: Served;
let url: string;
let woken = false;
const seen: { headers: Record<string, unknown> }[] = [];
const taken: { type: string; extensions: Readonly<Record<string, unknown>> }[] = [];

const writeNote = defineFunction({
  name: 'write-note',
  summary: 'A function of both kinds',
  http: {
    route: 'POST /v1/notes',
    caller: anyone,
    body: v.strictObject({ text: v.string() }),
    answer: v.string(),
    status: 201,
    errors: [],
    handle: async ({ headers }) => {
      seen.push({ headers: { ...headers } });
      return { data: 'written' };
    },
  },
  event: {
    types: ['note.written'],
    data: v.looseObject({}),
    handle: async ({ type, extensions }) => void taken.push({ type, extensions }),
  },
});
const recordNote = defineFunction({
  name: 'record-note',
  summary: 'Takes what the gateway tells',
  event: {
    types: ['note.seen'],
    sender: 'gateway',
    data: v.looseObject({}),
    handle: async ({ type, extensions }) => void taken.push({ type, extensions }),
  },
});

beforeAll(async () => {
  atFirstRequest(() => {
    woken = true;
  });
  const { serve } = await import('../../../../shared/platform/host/serve.ts');
  served = await serve([writeNote, recordNote], 0);
  url = `http://127.0.0.1:${served.port}`;
});
afterAll(() => served.drain());
beforeEach(() => {
  seen.length = 0;
  taken.length = 0;
});

const post = (path: string, headers: Sent, body = '{"text":"x"}') => {
  const all = new Headers(headers);
  if (!all.has('content-type')) all.set('content-type', 'application/json');
  return fetch(url + path, { method: 'POST', headers: all, body });
};
const codeOf = async (answer: Response) => [answer.status, ((await answer.json()) as { code: string }).code];
const event = (type: string, more: Record<string, string> = {}) => ({
  'ce-specversion': '1.0',
  'ce-id': randomUUID(),
  'ce-type': type,
  'ce-source': '/notes',
  ...more,
});
const structured = (type: string, more: Record<string, string> = {}) =>
  JSON.stringify({ specversion: '1.0', id: randomUUID(), type, source: '/notes', data: {}, ...more });

test('a request past the gateway is refused, and wakes nothing', async () => {
  expect(await codeOf(await post('/v1/notes', { 'x-real-ip': '10.1.2.3' }))).toEqual([403, 'sender_unknown']);
  expect(await codeOf(await post('/events', event('note.written')))).toEqual([403, 'sender_unknown']);
  expect(await codeOf(await fetch(`${url}/v1/else`))).toEqual([403, 'sender_unknown']);
  expect([seen, taken, woken]).toEqual([[], [], false]);
});

test.each(['liveness', 'live', 'readiness', 'ready'])('anybody may ask for its health (%s)', async (what) => {
  expect((await fetch(`${url}/health/${what}`)).status).toBe(200);
});

test.each([
  ['the present one', NEW],
  ['the one that is being replaced', OLD],
])('a request with the proof of the gateway is answered: %s', async (_which, proof) => {
  const answer = await post('/v1/notes', { 'x-gateway-proof': proof, 'x-real-ip': '10.1.2.3' });
  expect(answer.status).toBe(201);
  expect(woken).toBe(true);
  expect(seen[0]?.headers).toMatchObject({ 'x-real-ip': '10.1.2.3' });
  expect(JSON.stringify(seen)).not.toContain(proof);
});

test.each<[string, Sent]>([
  ['one letter less', { 'x-gateway-proof': NEW.slice(1) }],
  ['one letter more', { 'x-gateway-proof': `${NEW}x` }],
  ['another letter', { 'x-gateway-proof': NEW.replace('new', 'nex') }],
  ['both, as the setting has them', { 'x-gateway-proof': `${NEW},${OLD}` }],
  [
    'the right one twice',
    [
      ['x-gateway-proof', NEW],
      ['x-gateway-proof', NEW],
    ],
  ],
  ['an empty one', { 'x-gateway-proof': '' }],
  ['under another name', { x_gateway_proof: NEW }],
  ['that of the sources', { 'x-gateway-proof': SOURCE }],
])('a proof that is not quite right is none: %s', async (_what, headers) => {
  expect(await codeOf(await post('/v1/notes', headers))).toEqual([403, 'sender_unknown']);
  expect(seen).toEqual([]);
});

describe('an event', () => {
  test('is taken with the proof of a source, which its handler does not see', async () => {
    const binary = await post('/events', event('note.written', { 'ce-sourceproof': SOURCE, 'ce-sequence': '7' }));
    const whole = await post(
      '/events/write-note',
      { 'content-type': 'application/cloudevents+json' },
      structured('note.written', { sourceproof: SOURCE }),
    );
    expect([binary.status, whole.status]).toEqual([204, 204]);
    expect(taken).toHaveLength(2);
    expect(taken[0]?.extensions).toMatchObject({ sequence: '7' });
    expect(JSON.stringify(taken)).not.toContain(SOURCE);
  });

  test.each<[string, () => Promise<Response>]>([
    ['another proof', () => post('/events', event('note.written', { 'ce-sourceproof': OLD }))],
    ['the proof as a header of its own', () => post('/events', { ...event('note.written'), sourceproof: SOURCE })],
    ["the gateway's proof", () => post('/events', { ...event('note.written'), 'x-gateway-proof': NEW })],
    [
      'a structured one without',
      () => post('/events', { 'content-type': 'application/cloudevents+json' }, structured('note.written')),
    ],
    [
      "a source's proof, where the gateway sends",
      () => post('/events/record-note', event('note.seen', { 'ce-sourceproof': SOURCE })),
    ],
  ])('is refused for good: %s', async (_what, send) => {
    expect(await codeOf(await send())).toEqual([403, 'sender_unknown']);
    expect(taken).toEqual([]);
  });

  test('of the gateway is taken with its proof', async () => {
    const answer = await post('/events/record-note', { ...event('note.seen'), 'x-gateway-proof': NEW });
    expect([answer.status, taken.map(({ type }) => type)]).toEqual([204, ['note.seen']]);
  });

  test.each<[string, () => Promise<Response>]>([
    ['of an unknown type', () => post('/events', event('note.unknown'))],
    ['at an unknown address', () => post('/events/else', event('note.written'))],
    ['without attributes', () => post('/events', {})],
    ['that is malformed', () => post('/events', { 'content-type': 'application/cloudevents+json' }, '{')],
    ['that is too large', () => post('/events', event('note.written'), 'x'.repeat(2_000_000))],
    ['that is not posted', () => fetch(`${url}/events`)],
  ])('of a stranger gets the same refusal: one %s', async (_what, send) => {
    expect(await codeOf(await send())).toEqual([403, 'sender_unknown']);
  });
});
