// Runs the Lua of kong.yaml itself, with the part of Kong's interface that it uses, beside what the local gateway does under the same
// name, and compares. Headers are case-insensitive there and in lower case here.

import { readFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { LuaFactory } from 'wasmoon';
import { parse } from 'yaml';
import { snippets } from '../../kong/local/lua-snippets.ts';
import type { Answer, Exchange, Exit, Ground, HeaderValues } from '../../kong/local/plugin.ts';
import { problems } from '../../shared/http/problems.ts';

const PUBLIC_URL = 'https://gate.example.test';
const lua = new Map<string, string>();
const factory = new LuaFactory();

beforeAll(async () => {
  const text = await readFile(new URL('../../kong/kong.yaml', import.meta.url), 'utf8');
  const { plugins } = parse(text) as { plugins: { name: string; config: Record<string, string[]> }[] };
  for (const { name, config } of plugins) {
    if (name !== 'pre-function' && name !== 'post-function') continue;
    for (const code of Object.values(config).flat()) {
      lua.set(/^-- name: ([\w-]+)/.exec(code)?.[1] ?? '', code.replaceAll('${' + 'PUBLIC_URL}', PUBLIC_URL));
    }
  }
});

interface World {
  headers: HeaderValues;
  exit?: { status: number } | undefined;
  answer: Answer;
  problemId?: string | undefined;
  body?: string | undefined;
  said?: string;
}

/** The part of Kong that the snippets use, over the tables `headers` (the request's) and `answer`. */
const KONG = `
  local function get(from, name) return from[name:lower()] end
  local function put(to, name, value) to[name:lower()] = value end
  local function copy(from)
    local to = {}
    for name, value in pairs(from) do to[name] = value end
    return to
  end
  local function first(value) if type(value) == "table" then return value[1] end return value end
  ngx = {
    req = {
      get_headers = function() return copy(headers) end,
      clear_header = function(name) put(headers, name, nil) end,
    },
    decode_base64 = decode_base64, md5 = function() return string.rep("0", 32) end, now = function() return 0 end,
  }
  kong = {
    ctx = { shared = { problem = problem } },
    request = { get_header = function(name) return first(get(headers, name)) end },
    service = { request = { set_header = function(name, value) put(headers, name, value) end } },
    response = {
      exit = function(status) exit = status end,
      get_status = function() return answer.status end,
      get_source = function() return answer.source end,
      get_header = function(name) return get(answer.headers, name) end,
      set_header = function(name, value) put(answer.headers, name, value) end,
      clear_header = function(name) put(answer.headers, name, nil) end,
      get_raw_body = function() return said end,
      set_raw_body = function(text) body = text end,
    },
  }`;

/** What is left in the end, as JSON; nothing but text passes between Lua and here. */
const RESULT = `
  local function json(value)
    if type(value) == "string" then return string.format("%q", value):gsub("\\\n", "\\n") .. "" end
    if type(value) ~= "table" then return tostring(value) end
    local parts = {}
    if #value > 0 then
      for index = 1, #value do parts[index] = json(value[index]) end
      return "[" .. table.concat(parts, ",") .. "]"
    end
    for name, each in pairs(value) do parts[#parts + 1] = json(name) .. ":" .. json(each) end
    return "{" .. table.concat(parts, ",") .. "}"
  end
  return json({ headers = headers, answer = answer, exit = exit, problemId = kong.ctx.shared.problem, body = body })`;

/** Runs a snippet in a world of its own, as Kong's sandbox would. */
async function run(name: string, world: World): Promise<World> {
  const engine = await factory.createEngine();
  try {
    engine.global.set('decode_base64', (text: string) => Buffer.from(text, 'base64').toString('latin1'));
    const given = [`headers = ${literal(world.headers)}`, `answer = ${literal(world.answer)}`];
    if (world.problemId !== undefined) given.push(`problem = ${literal(world.problemId)}`);
    if (world.said !== undefined) given.push(`said = ${literal(world.said)}`);
    const code = [...given, KONG, 'local function snippet()', lua.get(name) ?? '', 'end', 'snippet()', RESULT];
    const result = JSON.parse(await engine.doString(code.join('\n'))) as World & { exit?: number };
    const { exit, ...rest } = result;
    return { ...rest, exit: exit === undefined ? undefined : { status: exit } };
  } finally {
    engine.global.close();
  }
}

function literal(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `{ ${value.map(literal).join(', ')} }`;
  return `{ ${Object.entries(value)
    .map(([name, each]) => `[${literal(name)}] = ${literal(each)}`)
    .join(', ')} }`;
}

const exchangeOf = (headers: HeaderValues): Exchange => ({
  request: {} as IncomingMessage,
  method: 'POST',
  path: '/v1/pay',
  clientAddress: '127.0.0.1',
  route: 'pay',
  headers,
});
const ours = (name: string) => snippets[name]?.({ publicUrl: PUBLIC_URL } as Ground);
const nothing = (): Answer => ({ status: 200, headers: {}, source: 'service' });

test('every Lua of kong.yaml is known here, and nothing is known that is not there', () => {
  expect([...lua.keys()].sort()).toEqual(Object.keys(snippets).sort());
});

const token = (claims: string) => `Bearer e30.${Buffer.from(claims).toString('base64url')}.c2ln`;

const requests: Record<string, HeaderValues> = {
  plain: { host: 'gate', 'content-type': 'application/json', 'content-length': '2' },
  events: { 'ce-type': 'x', 'ce-id': '1', ce: 'kept', cent: 'kept', 'x-ce-id': 'kept' },
  identities: {
    'x-consumer-id': '1',
    'x-consumer-groups': 'a',
    'x-consumer': 'kept',
    'x-user-id': '1',
    'x-credential-identifier': 'k',
    'x-anonymous-consumer': 'true',
    'x-user-identity': 'kept',
  },
  hops: {
    connection: 'close, X-Hop,content-length , AUTHORIZATION',
    'x-hop': '1',
    authorization: 'a',
    'content-length': '2',
  },
  'two connections': { connection: ['keep-alive', 'x-one'], 'x-one': '1', 'keep-alive': '5' },
  'good id': { 'x-request-id': 'a.B:c_d-9' },
  'bad id': { 'x-request-id': 'a b' },
  'empty id': { 'x-request-id': '' },
  'long id': { 'x-request-id': 'x'.repeat(129) },
  'two ids': { 'x-request-id': ['a', 'b'] },
  structured: { 'content-type': 'application/cloudevents+json' },
  shouting: { 'content-type': 'Application/CloudEvents-Batch+JSON' },
  'two types': { 'content-type': ['application/json', 'application/cloudevents+json'] },
  user: { authorization: token('{"sub":"42","exp":1}') },
  'uuid user': { authorization: token('{"exp": 1, "sub" : "01a1f918-f961-7de7-ad0f-13f02752a989"}') },
  'odd user': { authorization: token('{"sub":"a b"}') },
  'no user': { authorization: token('{"exp":1}') },
  'user twice': { authorization: [token('{"sub":"1"}'), token('{"sub":"2"}')] },
  'no token': { authorization: 'Basic eDp5' },
};

const access = [
  'strip-cloudevents-headers',
  'strip-identity-headers',
  'strip-hop-by-hop-headers',
  'drop-unusable-request-id',
  'refuse-cloudevents-media-types',
  'name-the-user',
];

describe.each(access)('%s', (name) => {
  test.each(Object.keys(requests))('does the same in Kong and here: %s', async (which) => {
    const theirs = await run(name, { headers: structuredClone(requests[which] ?? {}), answer: nothing() });
    const exchange = exchangeOf(structuredClone(requests[which] ?? {}));
    const exit = (await ours(name)?.access?.(exchange)) as Exit | undefined;
    expect(exchange.headers).toEqual(theirs.headers);
    expect(exit?.status).toBe(theirs.exit?.status);
  });
});

describe('the shape of refusals', () => {
  const answers: Answer[] = [
    ...[200, 400, 401, 403, 404, 405, 413, 415, 417, 429, 500].map((status) => ({
      status,
      headers: {},
      source: 'exit' as const,
    })),
    ...[502, 503, 504].map((status) => ({ status, headers: {}, source: 'error' as const })),
    ...[200, 404, 500, 502, 503, 504].map((status) => ({
      status,
      headers: { 'content-type': 'text/plain' },
      source: 'service' as const,
    })),
    { status: 503, headers: { 'content-type': 'application/problem+json' }, source: 'service' },
    { status: 503, headers: { 'content-type': 'application/json' }, source: 'service' },
    { status: 401, headers: { 'x-request-id': 'mine', 'content-length': '9' }, source: 'exit' },
  ];

  test.each(answers)('of $source $status with $headers is the same in Kong and here', async (answer) => {
    const given = structuredClone(answer);
    if (answer.source !== 'service') given.headers['x-request-id'] ??= 'id-1';
    for (const said of ['{"message":"no"}', '{"exp":"token expired"}']) {
      for (const headers of [{}, { 'idempotency-key': 'k' }]) {
        const theirs = await run('answer-problems-head', { headers, answer: structuredClone(given) });
        const exchange = exchangeOf(headers);
        const mine = structuredClone(given);
        ours('answer-problems-head')?.headerFilter?.(exchange, mine);
        expect(exchange.problemId === undefined).toBe(theirs.problemId === undefined);
        if (theirs.problemId === undefined) continue;
        exchange.problemId = theirs.problemId;
        if (given.headers['x-request-id'] === undefined) mine.headers['x-request-id'] = theirs.problemId;
        expect(mine.headers).toEqual(theirs.answer.headers);
        const { body = '' } = await run('answer-problems-body', { ...theirs, headers, said });
        const ourBody = ours('answer-problems-body')?.bodyFilter?.(exchange, mine, said) ?? '';
        expect(JSON.parse(ourBody)).toEqual(JSON.parse(body));
      }
    }
  });

  test('the words are those of the catalogue', async () => {
    const code = lua.get('answer-problems-body') ?? '';
    for (const [, name, title, advice, safe] of code.matchAll(/\{ "(\w+)", "([^"]*)", "([^"]*)", (true|false) \}/g)) {
      const kind = problems[name as keyof typeof problems];
      expect({ name, title, safe }).toEqual({ name, title: kind.title, safe: String(kind.safeToRetry) });
      expect(advice).toBe(kind.advice);
    }
  });
});
