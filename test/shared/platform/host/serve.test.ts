// The process around a function: health, routes, events, and answers that show nothing internal.

import { randomUUID } from 'node:crypto';
import net from 'node:net';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import * as v from 'valibot';
import type { Served } from '../../../../shared/platform/host/serve.ts';
import { type Access, anyone, type CallerKind, defineFunction } from '../../../../shared/platform/http/function.ts';
import { Problem } from '../../../../shared/platform/http/problem.ts';

process.env['LOG_LEVEL'] = 'silent';
let served: Served;
let url: string;
const events: unknown[] = [];

beforeAll(async () => {
  const { serve } = await import('../../../../shared/platform/host/serve.ts');
  served = await serve([declaration], 0);
  url = `http://127.0.0.1:${served.port}`;
});
afterAll(() => served.drain());

const declaration = defineFunction({
  name: 'write-note',
  summary: 'A function of both kinds',
  http: {
    route: 'POST /v1/notes/{id}',
    caller: anyone,
    path: v.strictObject({ id: v.pipe(v.string(), v.maxLength(10, 'must be short')) }),
    query: v.strictObject({ tag: v.optional(v.string()) }),
    body: v.strictObject({ text: v.string() }),
    answer: v.object({ echo: v.string() }),
    status: 201,
    errors: [],
    handle: async ({ path, query, body }) => {
      if (body.text === 'bug') throw new Error('select secret from /work/inside.ts');
      return { data: { echo: `${path.id} ${query.tag ?? ''} ${body.text}` } };
    },
  },
  event: {
    types: ['note.written'],
    data: v.strictObject({ text: v.string() }),
    handle: async ({ id, data, extensions }) => {
      if (data.text === 'later') throw new Problem('service_unavailable');
      if (data.text === 'bug') throw new Error('inside');
      events.push({ id, data, sequence: extensions['sequence'] });
    },
  },
});

const post = (path: string, body: string, headers: Record<string, string> = {}) =>
  fetch(url + path, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body });

test.each(['/health/liveness', '/health/live', '/health/readiness', '/health/ready'])(
  '%s says that it lives',
  async (path) => {
    expect((await fetch(url + path)).status).toBe(200);
  },
);

test('a request reaches the function with its path, its query and its body', async () => {
  const answer = await post('/v1/notes/a%20b?tag=x', '{"text":"hello"}', { 'x-request-id': 'my-own-id' });
  expect([answer.status, answer.headers.get('x-request-id')]).toEqual([201, 'my-own-id']);
  expect(await answer.json()).toMatchObject({ data: { echo: 'a b x hello' }, request_id: 'my-own-id' });
});

test('an id of a request that is not sane is replaced', async () => {
  const answer = await post('/v1/notes/1', '{"text":"hello"}', { 'x-request-id': 'a b"c' });
  expect(answer.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
});

test.each([
  ['/v1/notes/1/', 404, 'not_found'],
  ['/v1/notes', 404, 'not_found'],
  ['/v1/notes/%ff', 404, 'not_found'],
  ['/v1/notes/12345678901', 422, 'invalid_request'],
  ['/v1/notes/1?tag=a&tag=b', 422, 'invalid_request'],
  ['/v1/notes/1?other=a', 422, 'invalid_request'],
  ['/v1/notes/1?__proto__=a', 422, 'invalid_request'],
  ['/v1/notes/1?__proto__=a&__proto__=b', 422, 'invalid_request'],
  ['//evil', 404, 'not_found'],
])('%s is %s %s', async (path, status, code) => {
  const answer = await post(path, '{"text":"x"}');
  expect([answer.status, ((await answer.json()) as { code: string }).code]).toEqual([status, code]);
});

test('another method gets the allowed one', async () => {
  const answer = await fetch(`${url}/v1/notes/1`, { method: 'DELETE' });
  expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'POST']);
});

test('a value that is nested too deep is refused before it is walked', async () => {
  for (const opening of ['[', '{"\\u0061":']) {
    const deep = `${opening.repeat(5_000)}1${(opening === '[' ? ']' : '}').repeat(5_000)}`;
    const answer = await post('/v1/notes/1', `{"text":${deep}}`);
    expect([answer.status, await answer.json()]).toMatchObject([
      422,
      { code: 'invalid_request', errors: [{ pointer: '' }] },
    ]);
  }
});

test('where no money moves, the last of two equal members is taken', async () => {
  expect((await post('/v1/notes/1', '{"text":"a","text":"b"}')).status).toBe(201);
});

test('an internal error is not shown', async () => {
  const answer = await post('/v1/notes/1', '{"text":"bug"}');
  expect(answer.status).toBe(500);
  expect(await answer.text()).not.toMatch(/secret|inside|\.ts/);
});

describe('an event', () => {
  const binary = (data: string, attributes: Record<string, string> = {}) =>
    post('/events', data, {
      'ce-specversion': '1.0',
      'ce-id': '1',
      'ce-type': 'note.written',
      'ce-source': '/notes',
      ...attributes,
    });

  test('in binary form is handled', async () => {
    const id = randomUUID();
    expect((await binary('{"text":"hello"}', { 'ce-id': id, 'ce-sequence': '7' })).status).toBe(204);
    expect(events).toContainEqual({ id, data: { text: 'hello' }, sequence: '7' });
  });

  test('in structured form is handled', async () => {
    const id = randomUUID();
    const event = {
      specversion: '1.0',
      id,
      type: 'note.written',
      source: '/notes',
      datacontenttype: 'application/json',
      data: { text: 'hi' },
    };
    expect(
      (await post('/events', JSON.stringify(event), { 'content-type': 'application/cloudevents+json' })).status,
    ).toBe(204);
    expect(events).toContainEqual({ id, data: { text: 'hi' }, sequence: undefined });
  });

  test.each<[string, () => Promise<Response>, number]>([
    ['no event at all', () => post('/events', '{"text":"x"}'), 422],
    [
      'an event without a source',
      () => post('/events', '{"text":"x"}', { 'ce-specversion': '1.0', 'ce-id': '1', 'ce-type': 'note.written' }),
      422,
    ],
    ['an event of another type', () => binary('{"text":"x"}', { 'ce-type': 'note.burnt' }), 422],
    ['data of another form', () => binary('{"other":"x"}'), 422],
    ['broken data', () => binary('{"text"'), 422],
    ['data that is nested too deep', () => binary(`{"text":${'['.repeat(8_000)}${']'.repeat(8_000)}}`), 422],
    ['a batch', () => post('/events', '[]', { 'content-type': 'application/cloudevents-batch+json' }), 422],
    ['data of 2 MB', () => binary(`{"text":"${'x'.repeat(2_000_000)}"}`), 413],
    ['a GET', () => fetch(`${url}/events`), 405],
  ])('%s is final', async (_name, send, status) => {
    const before = events.length;
    expect((await send()).status).toBe(status);
    expect(events).toHaveLength(before);
  });

  test.each([
    ['later', 503],
    ['bug', 500],
  ])('that cannot be handled now (%s) must be sent again', async (text, status) => {
    const answer = await binary(JSON.stringify({ text }));
    expect(answer.status).toBe(status);
    expect(await answer.text()).not.toContain('inside');
  });
});

test('a request that is not HTTP is refused and the process lives', async () => {
  const socket = net.connect(served.port, '127.0.0.1');
  const said = await new Promise<string>((resolve) => {
    let text = '';
    socket.on('data', (bytes) => (text += bytes));
    socket.on('close', () => resolve(text));
    socket.write('NONSENSE\r\n\r\n');
  });
  expect(said).toMatch(/^HTTP\/1\.1 400 /);
  expect(said).toContain('application/problem+json');
  expect((await post('/v1/notes/1', '{"text":"x"}')).status).toBe(201);
});

test('headers that are too large are refused in our words', async () => {
  const socket = net.connect(served.port, '127.0.0.1');
  const said = await new Promise<string>((resolve) => {
    let text = '';
    socket.on('data', (bytes) => (text += bytes));
    socket.on('close', () => resolve(text));
    socket.on('error', () => undefined);
    socket.write(`GET / HTTP/1.1\r\nhost: x\r\nx: ${'y'.repeat(40_000)}\r\n\r\n`);
  });
  expect(said).toMatch(/^HTTP\/1\.1 431 /);
  expect(said).toContain('application/problem+json');
});

test('a connection without a request does not delay the end, and one with a request is answered', async () => {
  const { serve } = await import('../../../../shared/platform/host/serve.ts');
  const other = await serve([declaration], 0);
  const silent = net.connect(other.port, '127.0.0.1');
  const asking = net.connect(other.port, '127.0.0.1');
  await Promise.all([silent, asking].map((socket) => new Promise((resolve) => socket.once('connect', resolve))));
  // Connections are accepted in their order: once the third has its answer, both are accepted.
  await fetch(`http://127.0.0.1:${other.port}/health/liveness`);
  const closed = new Promise((resolve) => silent.once('close', resolve));
  let answer = '';
  asking.setEncoding('utf8').on('data', (text) => {
    answer += text;
  });
  const answered = new Promise((resolve) => asking.once('close', resolve));
  const drained = other.drain();
  asking.write('GET /health/liveness HTTP/1.1\r\nhost: here\r\n\r\n');
  await Promise.all([drained, closed, answered]);
  expect(answer).toMatch(/^HTTP\/1.1 200 /);
}, 20_000);

describe('a function that logs its requests before they are answered', () => {
  const told: unknown[] = [];
  let watched: Served;
  const ask = (path: string, init?: RequestInit) => fetch(`http://127.0.0.1:${watched.port}${path}`, init);

  beforeAll(async () => {
    const { serve } = await import('../../../../shared/platform/host/serve.ts');
    const reader: CallerKind<string> = {
      name: 'reader',
      scheme: 'none',
      identify: (headers) => String(headers['x-reader'] ?? 'ayu'),
      admit: async (name) => {
        if (name === 'eve') throw new Problem('not_permitted');
        return { 'x-left': '9' };
      },
    };
    const http = {
      route: 'GET /v1/rows',
      caller: reader,
      query: v.strictObject({ rows: v.pipe(v.string(), v.regex(/^\d+$/, 'must be a number')) }),
      answer: v.string(),
      status: 200,
      raw: 'text/plain',
      errors: [],
      beforeAnswer: async ({ method, url: address, status, problem, caller }: Access<string>) => {
        told.push([method, address, status, problem, caller]);
        if (address.includes('away')) throw new Problem('service_unavailable');
      },
      handle: async ({ query }: { query: { rows: string } }) => ({
        raw: Readable.from(rowsOf(Number(query.rows))),
        contentType: 'text/plain',
      }),
    } as const;
    watched = await serve([defineFunction({ name: 'list-rows', summary: 'Rows', http })], 0);
  });
  afterAll(() => watched.drain());

  async function* rowsOf(rows: number) {
    for (let row = 0; row < rows; row++) yield `row ${row}\n`;
    if (rows === 7) throw new Error('the database has gone');
  }

  test('logs successes, refusals, and unknown paths', async () => {
    told.length = 0;
    const answers = await Promise.all([
      ask('/v1/rows?rows=3'),
      ask('/v1/rows?rows=x'),
      ask('/v1/else'),
      ask('/v1/rows?rows=3', { headers: { 'x-reader': 'eve' } }),
    ]);
    expect(await answers[0]?.text()).toBe('row 0\nrow 1\nrow 2\n');
    // A caller that was let in gets its headers with a refusal, too.
    expect(answers.map(({ status, headers }) => [status, headers.get('x-left')])).toEqual([
      [200, '9'],
      [422, '9'],
      [404, null],
      [403, null],
    ]);
    expect(told).toHaveLength(4);
    expect(told).toEqual(
      expect.arrayContaining([
        ['GET', '/v1/rows?rows=3', 200, undefined, 'ayu'],
        ['GET', '/v1/rows?rows=x', 422, 'invalid_request', 'ayu'],
        ['GET', '/v1/else', 404, 'not_found', undefined],
        ['GET', '/v1/rows?rows=3', 403, 'not_permitted', 'eve'],
      ]),
    );
  });

  test('gives no answer when it cannot log', async () => {
    const answer = await ask('/v1/rows?rows=3&away=1');
    expect([answer.status, (await answer.text()).includes('row')]).toEqual([503, false]);
  });

  test('breaks off where the rows break off, so that no reader takes a part for the whole', async () => {
    await expect(ask('/v1/rows?rows=7').then((answer) => answer.text())).rejects.toThrow('terminated');
    expect((await ask('/v1/rows?rows=1')).status).toBe(200);
  });
});

test("the framework's own server serves the same function, bodies, sizes and events", async () => {
  const { getTestServer } = await import('@google-cloud/functions-framework/testing');
  const server = getTestServer('write-note').listen(0);
  const framework = `http://127.0.0.1:${(server.address() as net.AddressInfo).port}`;
  const send = (path: string, body: string, headers: Record<string, string> = {}) =>
    fetch(framework + path, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body });
  const event = { 'ce-specversion': '1.0', 'ce-id': randomUUID(), 'ce-type': 'note.written', 'ce-source': '/notes' };
  try {
    const answer = await send('/v1/notes/a', '{"text":"hello"}');
    expect(await answer.json()).toMatchObject({ data: { echo: 'a  hello' } });
    const statuses = [
      await send('/v1/notes/a', '{"text":1}'),
      await send('/v1/notes/a', JSON.stringify({ text: 'x'.repeat(65_536) })),
      await send('/v1/notes/a', ''),
      await send('/events', '{"text":"framework"}', event),
    ].map(({ status }) => status);
    expect(statuses).toEqual([422, 413, 400, 204]);
    expect(events).toContainEqual(expect.objectContaining({ id: event['ce-id'], data: { text: 'framework' } }));
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});
