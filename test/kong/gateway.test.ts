import { createHmac } from 'node:crypto';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { exportSPKI, SignJWT } from 'jose';
import { until } from '../knative/local/scaled-function.ts';
import { GATEWAY_PROOF, PUBLIC_URL, startTestGateway, type TestGateway, withoutLimits } from './test-gateway.ts';

let gate: TestGateway;

beforeAll(async () => {
  gate = await startTestGateway((yaml) => yaml.replace(/(name: wallet\n[\s\S]*?read_timeout: )\d+/, '$1300'));
});
afterAll(() => gate.stop());
afterEach(() => {
  gate.seen.length = 0;
  gate.answer = (_, response) => response.end('{}');
});

const get = (path: string, headers: Record<string, string> = {}) => fetch(gate.url + path, { headers });
const post = (path: string, headers: Record<string, string> = {}, body: string | Buffer = '{}') =>
  fetch(gate.url + path, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body });
const bearer = async (...given: Parameters<TestGateway['token']>) => ({
  authorization: `Bearer ${await gate.token(...given)}`,
});

async function problem(answer: Response) {
  expect(answer.headers.get('content-type')).toBe('application/problem+json');
  const said = (await answer.json()) as Record<string, unknown>;
  expect(said['status']).toBe(answer.status);
  expect(said['type']).toBe(`${PUBLIC_URL}/errors/${said['code']}`);
  expect(said['request_id']).toBe(answer.headers.get('x-request-id'));
  return said;
}

describe('the way of a request', () => {
  test('it reaches its function under the function’s own host name, with path, query, body and a request id', async () => {
    const answer = await post('/v1/login?a=1', { 'idempotency-key': 'k' }, '{"identifier":"ayu"}');
    expect(answer.status).toBe(200);
    const [seen] = gate.seen;
    expect(seen).toMatchObject({ method: 'POST', path: '/v1/login?a=1' });
    expect(seen?.body.toString()).toBe('{"identifier":"ayu"}');
    expect(seen?.headers).toMatchObject({ host: 'login.one-gate.svc.cluster.local', 'idempotency-key': 'k' });
    expect(seen?.headers['x-request-id']).toBe(answer.headers.get('x-request-id'));
    expect(seen?.headers).toMatchObject({
      'x-forwarded-proto': 'http',
      'x-forwarded-host': '127.0.0.1',
      'x-real-ip': '127.0.0.1',
    });
  });

  test('the caller’s own request id is kept', async () => {
    const answer = await post('/v1/login', { 'x-request-id': 'mine-1' });
    expect(answer.headers.get('x-request-id')).toBe('mine-1');
    expect(gate.seen[0]?.headers).toMatchObject({ 'x-request-id': 'mine-1' });
  });

  test('the caller’s trace goes on under a span of the gateway’s, sampled for a tenth and never against its will', async () => {
    const [rare, usual] = ['0af7651916cd43dd8440000000000001', '0af7651916cd43dd844fffffffffffff'];
    const [span, made] = ['b7ad6b7169203331', /^00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]$/];
    for (const [traceId, flags] of [
      [rare, '01'],
      [rare, '00'],
      [usual, '01'],
    ]) {
      await post('/v1/login', { traceparent: `00-${traceId}-${span}-${flags}` });
    }
    for (const traceparent of ['', 'nonsense', `00-${'0'.repeat(32)}-${span}-01`])
      await post('/v1/login', { traceparent });
    const reached = gate.seen.map(({ headers }) => String(headers['traceparent']));
    for (const each of reached) expect(each).toMatch(made);
    expect(reached.join()).not.toContain(span);
    const outcome = reached.slice(0, 3).map((each) => [each.slice(3, 35), each.slice(-2)]);
    expect(outcome).toEqual([
      [rare, '01'],
      [rare, '00'],
      [usual, '00'],
    ]);
  });

  test('no caller can choose Kong’s own id of a request, and the answer carries it', async () => {
    gate.answer = (_, response) => response.writeHead(200, { 'x-kong-request-id': 'theirs' }).end('{}');
    const answer = await post('/v1/login', { 'x-kong-request-id': 'mine' });
    const id = answer.headers.get('x-kong-request-id');
    expect(id).toMatch(/^[0-9a-f]{32}$/);
    expect(gate.seen[0]?.headers['x-kong-request-id']).toBe(id);
    const refused = await post('/v1/nope');
    expect(refused.headers.get('x-kong-request-id')).toMatch(/^[0-9a-f]{32}$/);
    expect(refused.headers.get('x-kong-request-id')).not.toBe(id);
  });

  test('the function’s answer passes as it is: status, headers, bytes', async () => {
    const body = Buffer.alloc(200_000, 'ü');
    gate.answer = (_, response) =>
      response.writeHead(402, { 'content-type': 'application/problem+json', 'x-own': 'yes' }).end(body);
    const answer = await post('/v1/login');
    expect(answer.status).toBe(402);
    expect(answer.headers.get('x-own')).toBe('yes');
    expect(Buffer.from(await answer.arrayBuffer()).equals(body)).toBe(true);
  });

  test('HEAD is answered where GET is, with the same headers and no body', async () => {
    gate.answer = ({ method }, response) =>
      response.writeHead(200, { 'content-length': 2, etag: '"1"' }).end(method === 'HEAD' ? undefined : '{}');
    // Headers that belong to the connection or to this one request differ.
    const own = /^(connection|keep-alive|date|x-request-id|x-kong-request-id|(x-)?ratelimit-re.*)$/;
    const seenOf = async (answer: Response) => ({
      status: answer.status,
      headers: [...answer.headers].filter(([name]) => !own.test(name)),
      body: await answer.text(),
    });
    const asked = await seenOf(await get('/docs'));
    const head = await seenOf(await fetch(`${gate.url}/docs`, { method: 'HEAD' }));
    expect(head).toEqual({ ...asked, body: '' });
    expect(gate.seen.map(({ method }) => method)).toEqual(['GET', 'HEAD']);

    const refused = await fetch(`${gate.url}/v1/pay`, { method: 'HEAD' });
    expect([refused.status, refused.headers.get('allow'), await refused.text()]).toEqual([405, 'POST', '']);
  });

  test.each([
    ['/docs', 'documents'],
    ['/errors/not_found', 'documents'],
    ['/v1/openapi.json', 'documents'],
    ['/.well-known/jwks.json', 'documents'],
  ])('%s is public and goes to %s', async (path, name) => {
    expect((await get(path)).status).toBe(200);
    expect(gate.seen[0]?.headers.host).toBe(`${name}.one-gate.svc.cluster.local`);
  });

  test('the path of one transaction does not lead to the list', async () => {
    const headers = await bearer();
    await get('/v1/transactions?limit=2', headers);
    await get('/v1/transactions/PAY-1', headers);
    expect(gate.seen.map(({ headers: { host } }) => host?.split('.')[0])).toEqual(['list-transactions', 'wallet']);
  });

  test.each([
    '/',
    '/v1/nope',
    '/v1/pay/',
    '/v1/payments',
    '/v1/transactions/a/b',
    '/events',
    '/health/live',
    '/x/v1/pay',
  ])('%s does not exist: 404, and no function wakes', async (path) => {
    const answer = await post(path);
    expect(answer.status).toBe(404);
    expect(await problem(answer)).toMatchObject({ code: 'not_found' });
    expect(gate.seen).toEqual([]);
  });

  test.each([
    ['DELETE', '/v1/pay', 'POST'],
    ['GET', '/v1/login', 'POST'],
    ['PUT', '/v1/account', 'GET, HEAD'],
    ['POST', '/docs', 'GET, HEAD'],
    ['OPTIONS', '/docs', 'GET, HEAD'],
  ])('%s %s is 405 with the allowed methods, without a token', async (method, path, allowed) => {
    const answer = await fetch(gate.url + path, { method });
    expect(answer.status).toBe(405);
    expect(answer.headers.get('allow')).toBe(allowed);
    expect(await problem(answer)).toMatchObject({ code: 'method_not_allowed' });
    expect(gate.seen).toEqual([]);
  });
});

describe('a caller may not claim', () => {
  test('ce-* headers, other identities and hop-by-hop headers do not reach a function', async () => {
    await gate.raw(
      [
        'POST /v1/login HTTP/1.1',
        'Host: gate',
        'Content-Type: application/json',
        'Content-Length: 2',
        'CE-Type: one-gate.topup.notified',
        'ce-id: 1',
        'X-Consumer-ID: someone',
        'X-Consumer-Groups: regulators',
        'X-User-Id: 1',
        'X-Credential-Identifier: key',
        'X-Anonymous-Consumer: true',
        'Proxy-Authorization: Basic eA==',
        'TE: trailers',
        'Keep-Alive: timeout=5',
        'Connection: close, TE, Keep-Alive',
        '',
        '{}',
      ].join('\r\n'),
    );
    const names = Object.keys(gate.seen[0]?.headers ?? {});
    const unwanted = /^(ce-|x-consumer-|x-user-id|x-credential|x-anonymous|proxy-|te$|keep-alive)/;
    expect(names.filter((name) => unwanted.test(name))).toEqual([]);
  });

  test('consumer, credential and user come from the token alone', async () => {
    await get('/v1/account', { ...(await bearer({ sub: '42' })), 'x-user-id': '1', 'x-consumer-username': 'admin' });
    expect(gate.seen[0]?.headers).toMatchObject({
      'x-user-id': '42',
      'x-consumer-username': 'one-gate-users',
      'x-consumer-custom-id': 'one-gate-users',
      'x-credential-identifier': 'key-1',
    });
  });

  test('the gateway proves itself to the function, in place of a caller’s own header', async () => {
    await get('/v1/account', { ...(await bearer()), 'x-gateway-proof': 'made up', x_gateway_proof: 'made up' });
    expect(gate.seen[0]?.headers).toMatchObject({ 'x-gateway-proof': GATEWAY_PROOF });
  });

  test('no answer holds its proof', async () => {
    gate.answer = (_, response) => response.writeHead(500).end('{}');
    for (const path of ['/v1/account', '/v1/else', '/v1/login']) {
      const answer = await get(path, { ...(await bearer()), 'x-gateway-proof': 'made up' });
      expect(JSON.stringify([...answer.headers]) + (await answer.text())).not.toContain(GATEWAY_PROOF);
    }
  });

  test.each(['application/cloudevents+json', 'Application/CloudEvents-Batch+JSON; charset=utf-8'])(
    '%s is refused',
    async (type) => {
      const answer = await post('/v1/login', { 'content-type': type });
      expect(answer.status).toBe(415);
      expect(await problem(answer)).toMatchObject({ code: 'unsupported_media_type' });
      expect(gate.seen).toEqual([]);
    },
  );

  test.each(['a b', 'x'.repeat(129), '<script>', 'line;feed'])('"%s" is not used as a request id', async (id) => {
    const answer = await post('/v1/login', { 'x-request-id': id });
    expect(answer.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
  });

  test('a malformed request is 400 and does the gateway no harm', async () => {
    expect(await gate.raw('GET / HTTP/1.1\r\nHost : gate\r\n\r\n')).toMatch(/^HTTP\/1.1 400 /);
    expect(await gate.raw('GET / HTTP/9\r\n\r\n')).toMatch(/^HTTP\/1.1 505 /);
    expect((await get('/docs')).status).toBe(200);
  });
});

describe('access tokens', () => {
  const refused = async (
    headers: Record<string, string>,
    challenge = 'Bearer realm="one-gate" error="invalid_token"',
  ) => {
    const answer = await get('/v1/account', headers);
    expect(answer.status).toBe(401);
    expect(answer.headers.get('www-authenticate')).toBe(challenge);
    expect(gate.seen).toEqual([]);
    return problem(answer);
  };

  test('a good one passes', async () => {
    expect((await get('/v1/account', await bearer())).status).toBe(200);
    expect(gate.seen[0]?.headers.authorization).toMatch(/^Bearer /);
  });

  test.each(['Bearer x', 'Bearer a.b.c'])('"%s" is wrong, as the challenge says', async (authorization) => {
    expect(await refused({ authorization })).toMatchObject({ code: 'unauthorized' });
  });

  test.each(['', 'Bearer', 'Basic eDp5'])(
    '"%s" holds no token, so the challenge reports none as wrong',
    async (authorization) => {
      expect(await refused({ authorization }, 'Bearer realm="one-gate"')).toMatchObject({ code: 'unauthorized' });
    },
  );

  test('the challenge says that a token has expired, so that the caller refreshes it', async () => {
    const { authorization } = await bearer({ exp: Math.floor(Date.now() / 1000) - 1 });
    expect(await refused({ authorization })).toMatchObject({ code: 'token_expired' });
  });

  test('a token that expires never, or in a year, is refused', async () => {
    expect(await refused(await bearer({ exp: Math.floor(Date.now() / 1000) + 31_536_000 }))).toBeTruthy();
    const forever = await new SignJWT({ sub: '7' })
      .setProtectedHeader({ alg: 'EdDSA', kid: 'key-1' })
      .sign(gate.keys.privateKey);
    expect(await refused({ authorization: `Bearer ${forever}` })).toBeTruthy();
  });

  test('an unknown kid, no kid, and a kid that is not a text are refused', async () => {
    expect(await refused(await bearer({}, { kid: 'key-2' }))).toMatchObject({ code: 'unauthorized' });
    expect(await refused(await bearer({}, { kid: undefined }))).toMatchObject({ code: 'unauthorized' });
    expect(await refused(await bearer({ kid: ['key-1'] }, { kid: undefined }))).toMatchObject({ code: 'unauthorized' });
  });

  test('a signature of another key under our kid is refused', async () => {
    const other = await startTestGateway();
    expect(await refused(await bearer({}, {}, other.keys.privateKey))).toMatchObject({ code: 'unauthorized' });
    await other.stop();
  });

  test('alg none, and HMAC with our public key as its secret, are refused', async () => {
    const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const claims = part({ sub: '7', exp: Math.floor(Date.now() / 1000) + 900 });
    const none = `${part({ alg: 'none', kid: 'key-1' })}.${claims}.`;
    expect(await refused({ authorization: `Bearer ${none}` })).toMatchObject({ code: 'unauthorized' });
    const signed = `${part({ alg: 'HS256', kid: 'key-1' })}.${claims}`;
    const signature = createHmac('sha256', await exportSPKI(gate.keys.publicKey))
      .update(signed)
      .digest('base64url');
    expect(await refused({ authorization: `Bearer ${signed}.${signature}` })).toMatchObject({ code: 'unauthorized' });
  });

  test('a token whose claims were changed after signing is refused', async () => {
    const [header, , signature] = (await gate.token()).split('.');
    const claims = Buffer.from(JSON.stringify({ sub: '1', exp: Math.floor(Date.now() / 1000) + 900 })).toString(
      'base64url',
    );
    expect(await refused({ authorization: `Bearer ${header}.${claims}.${signature}` })).toMatchObject({
      code: 'unauthorized',
    });
  });

  test('two tokens in one request are 400, even valid ones', async () => {
    const line = `Authorization: Bearer ${await gate.token()}`;
    const answer = await gate.raw(
      `GET /v1/account HTTP/1.1\r\nHost: gate\r\nConnection: close\r\n${line}\r\n${line}\r\n\r\n`,
    );
    expect(answer).toMatch(/^HTTP\/1.1 400 /);
    expect(answer).toContain('"code":"malformed_request"');
    expect(gate.seen).toEqual([]);
  });
});

describe('size', () => {
  test('64 kB pass, one byte more does not', async () => {
    expect((await post('/v1/login', {}, Buffer.alloc(65_536, ' '))).status).toBe(200);
    const answer = await post('/v1/login', {}, Buffer.alloc(65_537, ' '));
    expect(answer.status).toBe(413);
    expect(await problem(answer)).toMatchObject({ code: 'payload_too_large' });
    expect(gate.seen).toHaveLength(1);
  });

  test('2 MB get their answer, with or without a length', async () => {
    const body = Buffer.alloc(2_000_000, ' ');
    const told = await post('/v1/login', {}, body);
    expect(told.status).toBe(413);
    expect(await problem(told)).toMatchObject({ code: 'payload_too_large' });
    const stream = new Blob([body]).stream();
    const init = { method: 'POST', body: stream, duplex: 'half', headers: { 'content-type': 'application/json' } };
    const untold = await fetch(`${gate.url}/v1/login`, init as RequestInit);
    expect(untold.status).toBe(413);
    expect(await problem(untold)).toMatchObject({ code: 'payload_too_large' });
    expect(gate.seen).toEqual([]);
  });

  test('many slow bodies do not reach a function until they are complete', async () => {
    const roomy = await startTestGateway(withoutLimits);
    const head = 'POST /v1/login HTTP/1.1\r\nHost: gate\r\nContent-Type: application/json\r\nConnection: close\r\n';
    const halves = [
      ['Content-Length: 2\r\n\r\n{', '}'],
      ['Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n', '1\r\n}\r\n0\r\n\r\n'],
    ] as const;
    const slow = Array.from({ length: 100 }, (_, index) => {
      const [first, second] = halves[index % 2] ?? halves[0];
      const socket = connect(roomy.gateway.port, '127.0.0.1');
      socket.write(head + first);
      return { socket, second };
    });
    expect((await fetch(`${roomy.url}/v1/login`, { method: 'POST', body: '{}' })).status).toBe(200);
    expect(roomy.seen).toHaveLength(1);
    for (const { socket, second } of slow) socket.write(second);
    const answers = await Promise.all(slow.map(({ socket }) => text(socket)));
    expect(answers.filter((answer) => answer.startsWith('HTTP/1.1 200 '))).toHaveLength(100);
    expect(roomy.seen.filter(({ body }) => body.toString() === '{}')).toHaveLength(101);
    await roomy.stop();
  });

  test('a body without a length arrives whole', async () => {
    const stream = new Blob(['{"identifier":', '"ayu"}']).stream();
    const init = { method: 'POST', body: stream, duplex: 'half', headers: { 'content-type': 'application/json' } };
    expect((await fetch(`${gate.url}/v1/login`, init as RequestInit)).status).toBe(200);
    expect(gate.seen[0]?.body.toString()).toBe('{"identifier":"ayu"}');
  });
});

describe('browsers', () => {
  test('a preflight is answered by the gateway, with no token and no function', async () => {
    const headers = {
      origin: 'https://shop.example',
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'authorization',
    };
    const answer = await fetch(`${gate.url}/v1/pay`, { method: 'OPTIONS', headers });
    expect(answer.status).toBe(200);
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'access-control-allow-origin': '*',
      'access-control-allow-methods': 'GET,HEAD,POST',
      'access-control-allow-headers': 'Authorization,Content-Type,Idempotency-Key,X-Request-Id,traceparent',
      'access-control-max-age': '3600',
    });
    expect(answer.headers.get('access-control-allow-credentials')).toBeNull();
    expect(gate.seen).toEqual([]);
  });

  test('answers and refusals are readable from any origin, with the headers that a client needs', async () => {
    for (const answer of [
      await get('/docs', { origin: 'https://shop.example' }),
      await get('/v1/account', { origin: 'null' }),
    ]) {
      expect(answer.headers.get('access-control-allow-origin')).toBe('*');
      const readable = answer.headers.get('access-control-expose-headers')?.split(',');
      expect(readable).toEqual(
        expect.arrayContaining(['X-Request-Id', 'RateLimit', 'RateLimit-Policy', 'Retry-After']),
      );
    }
  });
});

describe('the other headers of answers', () => {
  test.each(['a function', 'the gateway'])(
    'of %s: HTTPS only, no guessing of types, and no name of the software',
    async (source) => {
      gate.answer = (_, response) =>
        response.writeHead(200, { server: 'envoy', via: '1.1 x', 'x-envoy-upstream-service-time': '3' }).end('{}');
      const { headers } = await get(source === 'a function' ? '/docs' : '/nowhere');
      expect(headers.get('strict-transport-security')).toBe('max-age=31536000; includeSubDomains');
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      const telling = [...headers.keys()].filter((name) =>
        /^(server|via|x-powered-by|x-envoy-.*|x-kong-.*)$/.test(name),
      );
      expect(telling).toEqual(['x-kong-request-id']);
    },
  );
});

describe('failures behind the gateway', () => {
  test('a function that does not answer in time is 504, and for money the outcome is unknown', async () => {
    gate.answer = () => undefined;
    const answer = await get('/v1/account', { ...(await bearer()), 'idempotency-key': 'k' });
    expect(answer.status).toBe(504);
    expect(await problem(answer)).toMatchObject({ code: 'gateway_timeout', outcome: 'unknown', safe_to_retry: true });
  });

  test('a function that breaks off is 502, and is not asked twice', async () => {
    gate.answer = (_, response) => response.destroy();
    const answer = await get('/docs');
    expect(answer.status).toBe(502);
    const said = await problem(answer);
    expect(said).toMatchObject({ code: 'bad_gateway' });
    expect(said).not.toHaveProperty('outcome');
    expect(gate.seen).toHaveLength(1);
  });

  test('an answer that breaks off in the middle does not pass for a whole one', async () => {
    gate.answer = (_, response) => {
      response.writeHead(200, { 'content-length': '100' }).write('half');
      response.socket?.end();
    };
    const answer = await get('/docs');
    await expect(answer.text()).rejects.toThrow();
  });

  test.each([
    [502, 'bad_gateway', 'unknown'],
    [503, 'service_unavailable', 'failed'],
    [504, 'gateway_timeout', 'unknown'],
  ])('Knative’s plain text with %i becomes a problem', async (status, code, outcome) => {
    gate.answer = (_, response) =>
      response.writeHead(status, { 'content-type': 'text/plain' }).end('pending request queue full');
    const answer = await post('/v1/login', { 'idempotency-key': 'k' });
    expect(answer.status).toBe(status);
    expect(await problem(answer)).toMatchObject({ code, outcome, safe_to_retry: true });
    expect(answer.headers.get('retry-after')).toBe(status === 503 ? '1' : '5');
  });

  test('a function’s own refusals, and a provider’s words, stay as they are', async () => {
    for (const type of ['application/problem+json', 'application/json']) {
      gate.answer = (_, response) =>
        response.writeHead(503, { 'content-type': type }).end('{"responseCode":"5035600"}');
      const answer = await post('/v1/notifications/gopay/v1.0/debit/notify');
      expect([answer.headers.get('content-type'), await answer.text()]).toEqual([type, '{"responseCode":"5035600"}']);
    }
  });

  test('the request to the function ends when its caller goes away', async () => {
    let closed = false;
    gate.answer = (_, response) => response.once('close', () => (closed = true));
    const gone = new AbortController();
    const answer = fetch(`${gate.url}/docs`, { signal: gone.signal });
    await until('the function is asked', () => gate.seen.length === 1);
    gone.abort();
    await expect(answer).rejects.toThrow();
    await until('the function knows', () => closed);
  });
});
