// The document of a few small functions, compared with the host's real answers for them.

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import * as v from 'valibot';
import { describeApi } from '../../../shared/documentation/document.ts';
import type { Response as DocumentedResponse } from '../../../shared/documentation/openapi.ts';
import { type Served, serve } from '../../../shared/platform/host/serve.ts';
import { anyone, type CallerKind, defineFunction, type Headers } from '../../../shared/platform/http/function.ts';
import { Problem } from '../../../shared/platform/http/problem.ts';
import { asDocumented } from './as-documented.ts';
import { lintOpenapi } from './lint-openapi.ts';

const somebody: CallerKind<string> = {
  name: 'user',
  scheme: 'bearer',
  identify: ({ authorization }) => {
    if (authorization !== 'Bearer good') throw new Problem('unauthorized');
    return 'somebody';
  },
};

const note = v.pipe(
  v.object({ id: v.string(), text: v.nullable(v.string()), written_at: v.pipe(v.string(), v.isoTimestamp()) }),
  v.title('Note'),
);
const written = { id: '1', text: null, written_at: '2026-11-20T04:05:06.789Z' };

const writeNote = defineFunction({
  name: 'write-note',
  summary: 'Write a note',
  http: {
    route: 'POST /v1/notes',
    caller: somebody,
    idempotencyKey: true,
    limit: { perMinute: 60, by: 'user' },
    body: v.strictObject({ text: v.pipe(v.string(), v.maxLength(5), v.examples(['hello'])) }),
    answer: v.object({ note }),
    status: 201,
    errors: ['insufficient_funds'],
    handle: async ({ body }) => {
      if (body.text === 'broke') throw new Problem('insufficient_funds');
      if (body.text === 'bug') throw new Error('a bug');
      return { kept: { status: 201, body: JSON.stringify({ note: written }) }, replayed: body.text === 'again' };
    },
  },
});

const listNotes = defineFunction({
  name: 'list-notes',
  summary: 'List notes',
  http: {
    route: 'GET /v1/notes',
    caller: anyone,
    query: v.strictObject({ limit: v.optional(v.pipe(v.string(), v.regex(/^\d{1,2}$/), v.transform(Number)), '20') }),
    answer: note,
    status: 200,
    list: true,
    errors: [],
    handle: async () => ({ data: [written], nextCursor: null }),
  },
});

const readNote = defineFunction({
  name: 'read-note',
  summary: 'Read a note as plain text',
  http: {
    route: 'GET /v1/notes/{id}',
    alsoAt: ['GET /v1/notes/{id}/script.js', 'GET /v1/newest-note'],
    caller: anyone,
    path: v.strictObject({ id: v.optional(v.string()) }),
    answer: v.string(),
    raw: 'text/plain',
    status: 200,
    errors: [],
    handle: async () => ({ raw: 'text', contentType: 'text/plain' }),
  },
});

const takeWord = defineFunction({
  name: 'take-word',
  summary: "What a provider calls, in the provider's own words",
  http: Object.assign(
    {
      route: 'POST /v1/words' as const,
      caller: anyone,
      answer: v.object({ responseCode: v.string() }),
      status: 200,
      raw: 'application/json',
      errors: [],
      handle: async ({ headers }: { headers: Headers }) => ({
        raw: '{"responseCode":"x"}',
        contentType: 'application/json',
        status: headers['x-signature'] === 'good' ? 200 : 400,
      }),
    },
    {
      alsoStatus: { 400: 'The signature is not good.' },
      protocol: {
        headers: v.object({ 'X-SIGNATURE': v.pipe(v.string(), v.description('Of the body.')) }),
        body: v.object({ word: v.pipe(v.string(), v.examples(['paid'])) }),
      },
      alsoAt: ['POST /v1/other-words' as const],
      describedAt: {
        'POST /v1/other-words': {
          summary: 'What another provider calls',
          description: 'In its own words.',
          answer: v.object({ status: v.string() }),
          alsoStatus: { 401: 'The token is not good.' },
          protocol: { headers: v.object({ 'X-TOKEN': v.string() }), body: v.object({ event: v.string() }) },
        },
      },
    },
  ),
});

const onEvent = defineFunction({
  name: 'on-event',
  summary: 'Only for events',
  event: { types: ['one-gate.note.written'], data: v.unknown(), handle: async () => undefined },
});

const document = describeApi(
  [writeNote, listNotes, readNote, takeWord, onEvent].map((declaration) => ({ domain: 'wallet', declaration })),
  '1.2.3',
);
const write = document.paths['/v1/notes']?.post;
const list = document.paths['/v1/notes']?.get;

test('the document is valid OpenAPI 3.1, with examples that fit their schemas', async () => {
  expect(await lintOpenapi(document)).toEqual([]);
});

test('the validator finds a fault', async () => {
  const broken = structuredClone(document);
  const response = broken.paths['/v1/notes']?.get?.responses['200'] as DocumentedResponse;
  response.content = { 'application/json': { schema: { type: 'strin' }, example: 1 } };
  expect(await lintOpenapi(broken)).not.toEqual([]);
});

test('every HTTP function is there once, under its folder, and says who may call it', () => {
  expect(Object.keys(document.paths)).toEqual([
    '/v1/notes',
    '/v1/notes/{id}',
    '/v1/newest-note',
    '/v1/words',
    '/v1/other-words',
  ]);
  expect(document.tags.map(({ name }) => name)).toEqual(['wallet']);
  expect(write).toMatchObject({ operationId: 'write-note', tags: ['wallet'], security: [{ access_token: [] }] });
  expect(list).toMatchObject({ operationId: 'list-notes', security: [] });
  expect(document.components.securitySchemes.access_token).toMatchObject({ scheme: 'bearer', bearerFormat: 'JWT' });
});

test('parameters come from the declaration, a path has only its own', () => {
  expect(write?.parameters).toEqual([{ $ref: '#/components/parameters/Idempotency-Key' }]);
  expect(list?.parameters).toEqual([
    { name: 'limit', in: 'query', required: false, schema: { type: 'integer', default: 20 } },
  ]);
  expect(document.paths['/v1/notes/{id}']?.get?.parameters).toMatchObject([{ name: 'id', in: 'path', required: true }]);
  expect(document.paths['/v1/newest-note']?.get).not.toHaveProperty('parameters');
});

test('a request can be pasted into a shell, and its limits are told', () => {
  expect(write?.description).toContain('At most 60 requests a minute per user');
  expect(write?.['x-codeSamples']?.[0]?.source).toBe(
    [
      "curl -X POST 'https://one-gate.example/v1/notes'",
      '-H "Authorization: Bearer $ACCESS_TOKEN"',
      '-H "Idempotency-Key: $(uuidgen)"',
      "-H 'Content-Type: application/json'",
      `-d '{"text":"hello"}'`,
    ].join(' \\\n  '),
  );
});

test('a route of the same function may have a protocol of its own', () => {
  const operation = document.paths['/v1/other-words']?.post;
  expect(operation).toMatchObject({
    operationId: 'take-word-v1-other-words',
    summary: 'What another provider calls',
    description: expect.stringContaining('In its own words.'),
    parameters: [{ name: 'X-TOKEN', in: 'header', required: true }],
    requestBody: { content: { 'application/json': { schema: { required: ['event'] } } } },
  });
  expect(operation?.responses['401']).toMatchObject({ description: expect.stringContaining('The token is not good.') });
  expect(document.paths['/v1/words']?.post?.summary).toBe("What a provider calls, in the provider's own words");
});

test("another's protocol is described with its own headers, body and answers", async () => {
  const operation = document.paths['/v1/words']?.post;
  expect(operation?.parameters).toMatchObject([{ name: 'X-SIGNATURE', in: 'header', required: true }]);
  expect(operation?.requestBody?.content['application/json']?.example).toEqual({ word: 'paid' });
  expect(operation).not.toHaveProperty('x-codeSamples');
  expect(operation?.responses['400']).toMatchObject({
    description: 'The signature is not good. Or `cloudevent_refused`.',
    content: { 'application/json': {}, 'application/problem+json': {} },
  });
});

test('a schema that cannot be described stops the document and names its place', () => {
  const wordless = v.pipe(
    v.string(),
    v.check(() => true),
  );
  const bad = defineFunction({
    ...writeNote,
    name: 'bad',
    http: { ...writeNote.http!, route: 'POST /v1/bad', body: v.object({ wordless }) },
  });
  const twice = [writeNote, defineFunction({ ...writeNote, name: 'other' })];
  const domain = 'wallet';
  expect(() => describeApi([{ domain, declaration: bad }], '1')).toThrow(/^bad cannot be described: The rule check/);
  expect(() =>
    describeApi(
      twice.map((declaration) => ({ domain, declaration })),
      '1',
    ),
  ).toThrow('Two functions answer');
  expect(() => describeApi([{ domain: 'nowhere', declaration: bad }], '1')).toThrow('The domain nowhere');
});

describe('the host’s answers', () => {
  const served: Record<string, Served> = {};
  beforeAll(async () => {
    for (const declaration of [writeNote, listNotes, readNote, takeWord])
      served[declaration.name] = await serve([declaration], 0);
  });
  afterAll(async () => {
    await Promise.all(Object.values(served).map((one) => one.drain()));
  });

  const faults = asDocumented(document);
  const membersOf = async (answer: Response) => (await answer.clone().json()) as Record<string, unknown>;
  const call = (name: string, path: string, init?: RequestInit) =>
    fetch(`http://localhost:${served[name]?.port}${path}`, init);

  const headers = { authorization: 'Bearer good', 'content-type': 'application/json', 'idempotency-key': 'k' };
  const post = (text: unknown, more: Record<string, string> = {}) => ({
    method: 'POST',
    headers: { ...headers, ...more },
    body: JSON.stringify({ text }),
  });

  test('successes are as the document says, with its headers', async () => {
    const first = await call('write-note', '/v1/notes', post('hello'));
    const { request_id } = await membersOf(first);
    expect(first.headers.get('x-request-id')).toBe(request_id);
    expect(await faults('write-note', first)).toEqual([]);
    expect(write?.responses['201']).toMatchObject({ headers: { 'X-Request-Id': {}, 'Idempotent-Replayed': {} } });

    const again = await call('write-note', '/v1/notes', post('again'));
    expect(again.headers.get('idempotent-replayed')).toBe('true');
    expect(await faults('list-notes', await call('list-notes', '/v1/notes'))).toEqual([]);
    expect(await faults('read-note', await call('read-note', '/v1/notes/1'))).toEqual([]);
    const word = { method: 'POST', body: '{"word":"paid"}' };
    expect(await faults('take-word', await call('take-word', '/v1/words', word))).toEqual([]);
    const event = { ...word, headers: { 'ce-id': '1' } };
    expect(await faults('take-word', await call('take-word', '/v1/words', event))).toEqual([]);
  });

  const refused: [code: string, init: RequestInit][] = [
    ['insufficient_funds', post('broke')],
    ['internal_error', post('bug')],
    ['invalid_request', post('longer than five')],
    ['malformed_json', { ...post(''), body: '{' }],
    ['unauthorized', post('hello', { authorization: 'Bearer bad' })],
    ['idempotency_key_missing', post('hello', { 'idempotency-key': '' })],
    ['idempotency_key_invalid', post('hello', { 'idempotency-key': 'é' })],
    ['unsupported_media_type', post('hello', { 'content-type': 'text/plain' })],
    ['payload_too_large', post('x'.repeat(70_000))],
    ['cloudevent_refused', post('hello', { 'ce-id': '1' })],
  ];

  test.each(refused)('%s is in the document, in its real form', async (code, init) => {
    const answer = await call('write-note', '/v1/notes', init);
    const body = await membersOf(answer);
    expect(body.code).toBe(code);
    expect(write?.['x-problem-codes']).toContain(code);
    const altered = (change: object) => new Response(JSON.stringify({ ...body, ...change }), answer);
    expect(await faults('write-note', altered({ code: 'another' }))).not.toEqual([]);
    expect(await faults('write-note', altered({ safe_to_retry: undefined }))).not.toEqual([]);
    expect(await faults('write-note', answer)).toEqual([]);
  });

  test('examples of problems are the real ones, except for values of a single answer', async () => {
    const body = await membersOf(await call('write-note', '/v1/notes', post('broke')));
    const example = document.components.examples['insufficient_funds.money']?.value as Record<string, unknown>;
    expect({ ...example, type: '', request_id: '' }).toEqual({ ...body, type: '', request_id: '' });
  });
});
