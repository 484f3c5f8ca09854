// Runs the Lua of kong.yaml itself, with the part of Kong's interface that it uses, beside what the local gateway does under the same
// name, and compares. Headers are case-insensitive there and in lower case here.

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { LuaFactory } from 'wasmoon';
import { parse } from 'yaml';
import { DROP, fields } from '../../kong/local/log-fields.ts';
import { snippets } from '../../kong/local/lua-snippets.ts';
import type { Answer, Exchange, Exit, Ground, HeaderValues } from '../../kong/local/plugin.ts';
import { problems } from '../../shared/platform/http/problems.ts';

const PUBLIC_URL = 'https://gate.example.test';
const PROOF = 'proof-of-the-gateway-0123456789abcdef';
const lua = new Map<string, string>();
/** Of http-log, by name; what only drops a field is not here. */
const luaOfFields = new Map<string, string>();
const factory = new LuaFactory();

interface KongFile {
  plugins: { name: string; config: Record<string, string[]> }[];
  _plugin_configs: { 'log-access': { custom_fields_by_lua: Record<string, string> } };
}

beforeAll(async () => {
  const text = await readFile(new URL('../../kong/kong.yaml', import.meta.url), 'utf8');
  const { plugins, _plugin_configs: configs } = parse(text) as KongFile;
  for (const code of Object.values(configs['log-access'].custom_fields_by_lua)) {
    if (code !== DROP) luaOfFields.set(/^-- name: ([\w-]+)/.exec(code)?.[1] ?? '', code);
  }
  for (const { name, config } of plugins) {
    if (name !== 'pre-function' && name !== 'post-function') continue;
    for (const code of Object.values(config).flat()) {
      lua.set(
        /^-- name: ([\w-]+)/.exec(code)?.[1] ?? '',
        code.replace(/\$\{(\w+)\}/g, (_, key) => (key === 'PUBLIC_URL' ? PUBLIC_URL : PROOF)),
      );
    }
  }
});

interface World {
  headers: HeaderValues;
  method?: string;
  /** With its query. */
  address?: string;
  consumer?: { username: string; id: string };
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
    var = { request_uri = address },
    sha1_bin = function(text) return (sha1_hex(text):gsub("..", function(pair) return string.char(tonumber(pair, 16)) end)) end,
    decode_base64 = decode_base64, md5 = function() return string.rep("0", 32) end, now = function() return 0 end,
  }
  kong = {
    ctx = { shared = { problem = problem } },
    client = { get_consumer = function() return consumer end },
    request = {
      get_header = function(name) return first(get(headers, name)) end,
      get_method = function() return method end,
      get_path = function() return (address:gsub("%?.*", "")) end,
    },
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
  return json({
    headers = headers, answer = answer, exit = exit, problemId = kong.ctx.shared.problem, body = body, result = result,
  })`;

/** Runs a snippet in a world of its own, as Kong's sandbox would. */
async function run(code: string | undefined, world: World): Promise<World & { result?: unknown }> {
  const engine = await factory.createEngine();
  try {
    engine.global.set('decode_base64', (text: string) => Buffer.from(text, 'base64').toString('latin1'));
    engine.global.set('sha1_hex', (text: string) => createHash('sha1').update(text).digest('hex'));
    const given = [`headers = ${literal(world.headers)}`, `answer = ${literal(world.answer)}`];
    given.push(`method = ${literal(world.method ?? 'POST')}`, `address = ${literal(world.address ?? '/v1/pay')}`);
    if (world.consumer !== undefined) given.push(`consumer = ${literal(world.consumer)}`);
    if (world.problemId !== undefined) given.push(`problem = ${literal(world.problemId)}`);
    if (world.said !== undefined) given.push(`said = ${literal(world.said)}`);
    const lines = [...given, KONG, 'local function snippet()', code ?? '', 'end', 'result = snippet()', RESULT];
    const result = JSON.parse(await engine.doString(lines.join('\n'))) as World & { exit?: number };
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

const exchangeOf = (headers: HeaderValues, address = '/v1/pay', method = 'POST'): Exchange => ({
  request: { url: address } as IncomingMessage,
  method,
  path: address.split('?')[0] ?? '',
  search: '',
  clientAddress: '127.0.0.1',
  startedAt: 0,
  kongRequestId: '0'.repeat(32),
  route: 'pay',
  headers,
  answered: { source: 'exit', upstreamStatus: '' },
});
const ours = (name: string) => snippets[name]?.({ publicUrl: PUBLIC_URL } as Ground, lua.get(name) ?? '');
const nothing = (): Answer => ({ status: 200, headers: {}, source: 'service' });

test('every Lua of kong.yaml is known here, and nothing is known that is not there', () => {
  expect([...lua.keys()].sort()).toEqual(Object.keys(snippets).sort());
  expect([...luaOfFields.keys()].sort()).toEqual(Object.keys(fields).sort());
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
    'x-gateway-proof': 'of the caller’s own',
    'x-gateway-proofs': 'kept',
  },
  hops: {
    connection: 'close, X-Hop,content-length , AUTHORIZATION',
    'x-hop': '1',
    authorization: 'a',
    'content-length': '2',
  },
  'own hops': {
    connection: ['Keep-Alive, TE,HTTP2-Settings', 'upgrade'],
    te: 'trailers',
    'proxy-authorization': 'Basic eDp5',
    'proxy-connection': 'close',
    'http2-settings': 'AAA',
    trailer: 'x',
  },
  'a hop of another name': { connection: 'content-length;x' },
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
  key: { 'x-api-key': 'ogk_live_0123456789abcdefghijklmnopqrstuv' },
  'key and a digest of the caller’s own': { 'x-api-key': 'ogk_live_0', 'x-api-key-digest': 'f'.repeat(40) },
  'only a digest': { 'x-api-key-digest': 'f'.repeat(40) },
  'two keys': { 'x-api-key': ['ogk_live_0', 'ogk_live_1'] },
  'empty key': { 'x-api-key': '' },
};

const access = [
  'refuse-connection-that-names-headers',
  'strip-cloudevents-headers',
  'strip-identity-headers',
  'prove-the-gateway',
  'strip-hop-by-hop-headers',
  'drop-unusable-request-id',
  'refuse-cloudevents-media-types',
  'name-the-user',
  'digest-the-api-key',
];

describe.each(access)('%s', (name) => {
  test.each(Object.keys(requests))('does the same in Kong and here: %s', async (which) => {
    const theirs = await run(lua.get(name), { headers: structuredClone(requests[which] ?? {}), answer: nothing() });
    const exchange = exchangeOf(structuredClone(requests[which] ?? {}));
    const exit = (await ours(name)?.access?.(exchange)) as Exit | undefined;
    expect(exchange.headers).toEqual(theirs.headers);
    expect(exit?.status).toBe(theirs.exit?.status);
  });
});

test('the digest is what everybody else computes, too', async () => {
  const { headers } = await run(lua.get('digest-the-api-key'), {
    headers: { 'x-api-key': 'ogk_live_0' },
    answer: nothing(),
  });
  expect(headers['x-api-key-digest']).toBe(createHash('sha1').update('one-gate-kong:ogk_live_0').digest('hex'));
});

describe('what http-log tells', () => {
  const address = '/v1/regulator/transactions';
  const asked: Record<string, Omit<World, 'answer'>> = {
    'nothing but a path': { headers: {}, address, method: 'GET' },
    'an address with a query': { headers: {}, address: `${address}?from=2026-01-01T00:00:00%2B07:00&limit=5` },
    'a long address': { headers: {}, address: `${address}?${'a/'.repeat(2000)}` },
    'a key in the address': { headers: {}, address: `${address}?key=ogk_live_0aZ_-9&x=1` },
    'an odd address': { headers: {}, address: `${address}?"\\\t'` },
    'a long method': { headers: {}, address, method: 'PROPPATCHES' },
    agent: { headers: { 'user-agent': 'curl/8.0 "x" \\ ~' }, address },
    'long texts': { headers: { 'user-agent': '/'.repeat(900), 'x-purpose-code': 'p'.repeat(900) }, address },
    'two purposes': { headers: { 'x-purpose-code': ['SUPERVISION', 'OTHER'], 'x-api-key': ['a', 'b'] }, address },
    'a key': { headers: { 'x-api-key': 'ogk_live_0' }, address, consumer: { username: 'ojk', id: '1' } },
  };

  test.each(Object.keys(asked))('is the same in Kong and here: %s', async (which) => {
    const world = { answer: nothing(), headers: {}, ...asked[which] };
    const exchange = exchangeOf(world.headers, world.address, world.method);
    if (world.consumer) exchange.consumer = { username: world.consumer.username, customId: 'c', groups: ['g'] };
    for (const [name, field] of Object.entries(fields)) {
      const { result } = await run(luaOfFields.get(name), structuredClone(world));
      expect({ name, result: field(exchange) }).toEqual({ name, result });
    }
  });

  test('whatever outsiders choose, fifteen entries fit into 64 kB as cjson writes them', () => {
    const worst = exchangeOf(
      { 'user-agent': '/'.repeat(5000), 'x-purpose-code': '/'.repeat(5000), 'x-api-key': 'k' },
      `/v1/regulator/${'/'.repeat(9000)}`,
    );
    const texts = Object.values(fields).map((field) => JSON.stringify(field(worst) ?? null).replaceAll('/', '\\/'));
    expect(15 * (texts.join('').length + 600)).toBeLessThan(65_536);
  });
});

describe('the shape of refusals', () => {
  const answers: Answer[] = [
    ...[200, 400, 401, 403, 404, 405, 408, 413, 415, 417, 429, 500].map((status) => ({
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
    ...[
      ['0', '5', '6'],
      ['0', '0', '6'],
      ['1', '0', '0'],
      ['1', '1', '1'],
    ].map(([minute = '', hour = '', day = '']) => ({
      status: 429,
      headers: {
        'x-ratelimit-remaining-minute': minute,
        'x-ratelimit-remaining-hour': hour,
        'x-ratelimit-remaining-day': day,
        'x-ratelimit-limit-minute': '100',
        'x-ratelimit-limit-hour': '1000',
        'x-ratelimit-limit-day': '10000',
      },
      source: 'exit' as const,
    })),
  ];
  const places = ['/v1/pay', '/v1/regulator/report?x=1'];

  test.each(answers)('of $source $status with $headers is the same in Kong and here', async (answer) => {
    const given = structuredClone(answer);
    if (answer.source !== 'service') given.headers['x-request-id'] ??= 'id-1';
    for (const said of ['{"message":"no"}', '{"exp":"token expired"}']) {
      for (const [headers, address] of [{}, { 'idempotency-key': 'k' }].flatMap((each) =>
        places.map((place) => [each, place] as const),
      )) {
        const theirs = await run(lua.get('answer-problems-head'), { headers, answer: structuredClone(given) });
        const exchange = exchangeOf(headers, address);
        const mine = structuredClone(given);
        ours('answer-problems-head')?.headerFilter?.(exchange, mine);
        expect(exchange.problemId === undefined).toBe(theirs.problemId === undefined);
        if (theirs.problemId === undefined) continue;
        exchange.problemId = theirs.problemId;
        if (given.headers['x-request-id'] === undefined) mine.headers['x-request-id'] = theirs.problemId;
        expect(mine.headers).toEqual(theirs.answer.headers);
        const { body = '' } = await run(lua.get('answer-problems-body'), { ...theirs, headers, said, address });
        const ourBody = ours('answer-problems-body')?.bodyFilter?.(exchange, mine, said) ?? '';
        expect(JSON.parse(ourBody)).toEqual(JSON.parse(body));
      }
    }
  });

  test.each(answers)('is hardened the same in Kong and here: $source $status with $headers', async (answer) => {
    const given = structuredClone(answer);
    Object.assign(given.headers, { server: 'envoy', via: '1.1 kong', 'x-envoy-upstream-service-time': '3' });
    const theirs = await run(lua.get('harden-answers'), { headers: {}, answer: structuredClone(given) });
    ours('harden-answers')?.headerFilter?.(exchangeOf({}), given);
    expect(given.headers).toEqual(theirs.answer.headers);
  });

  test('the words are those of the catalogue', async () => {
    const code = lua.get('answer-problems-body') ?? '';
    for (const [, name, title, advice, safe] of code.matchAll(/\{ "(\w+)", "([^"]*)", "([^"]*)", (true|false) \}/g)) {
      const kind = problems[name as keyof typeof problems];
      expect({ name, title, safe }).toEqual({ name, title: kind.title, safe: String(kind.safeToRetry) });
      expect(advice).toBe(kind.advice);
    }
  });

  test('regulators are told about their keys, and whoever is limited, by which limit', async () => {
    const told = async (status: number, headers: HeaderValues = {}) => {
      const world = { headers: {}, answer: { status, headers, source: 'exit' as const }, problemId: '1', said: '{}' };
      return JSON.parse(
        (await run(lua.get('answer-problems-body'), { ...world, address: places[1] ?? '' })).body ?? '',
      );
    };
    expect(await told(401)).toMatchObject({ code: 'api_key_required', status: 401 });
    expect(await told(403)).toMatchObject({ code: 'not_permitted', status: 403 });
    expect(await told(429, { 'x-ratelimit-remaining-hour': '0', 'x-ratelimit-limit-hour': '1000' })).toMatchObject({
      code: 'rate_limited',
      policy: { name: 'hour', limit: 1000, window_seconds: 3600 },
    });
  });
});
