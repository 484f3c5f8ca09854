// Where one request ends and the next begins, with raw sockets: a caller's body is never read as the next request.

import { connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { startTestGateway, type TestGateway, withoutLimits } from './test-gateway.ts';

let gate: TestGateway;

beforeAll(async () => {
  gate = await startTestGateway(withoutLimits);
});
afterAll(() => gate.stop());
afterEach(() => {
  gate.seen.length = 0;
});

const SMUGGLED = 'GET /v1/openapi.json?smuggled HTTP/1.1\r\nHost: gate\r\nX-Swallow: ';
const NEXT = 'GET /docs HTTP/1.1\r\nHost: gate\r\nConnection: close\r\n\r\n';

async function request(lines: string[], body = SMUGGLED): Promise<string> {
  const head = ['POST /v1/pay HTTP/1.1', 'Host: gate', 'Content-Type: application/json'];
  const token = ['Idempotency-Key: k', `Authorization: Bearer ${await gate.token()}`];
  return [...head, ...token, ...lines, `Content-Length: ${body.length}`, '', body].join('\r\n');
}

/** All bytes that come back on one connection on which both requests are sent. */
async function conversation(...requests: string[]): Promise<string[]> {
  const socket: Socket = connect(gate.gateway.port, '127.0.0.1');
  socket.on('error', () => undefined);
  socket.write(requests.join(''));
  return (await text(socket)).split(/(?=HTTP\/1\.1 \d{3} )/);
}

const besidesTheNext = () =>
  gate.seen.map(({ method, path }) => `${method} ${path}`).filter((each) => each !== 'GET /docs');

// All headers by which the gateway or a function decides, of our own and of providers, and names that do not exist yet.
const STAYING = [
  ...['content-length', 'transfer-encoding', 'host', 'content-type', 'content-encoding', 'expect', 'accept', 'cookie'],
  ...['authorization', 'idempotency-key', 'x-request-id', 'x-user-id', 'x-consumer-username', 'x-kong-request-id'],
  ...[
    'x-api-key',
    'x-api-key-digest',
    'x-purpose-code',
    'x-case-number',
    'x-forwarded-for',
    'x-real-ip',
    'traceparent',
  ],
  ...['x-signature', 'x-timestamp', 'x-partner-id', 'x-external-id', 'channel-id', 'webhook-signature', 'x-not-yet'],
];

describe('a Connection that names a header which must stay', () => {
  test.each(STAYING)('%s: 400, and its body is not read as a request', async (name) => {
    for (const value of [name, `keep-alive, ${name.toUpperCase()}`, `close,\t${name} ,te`]) {
      const [answer = '', ...more] = await conversation(await request([`Connection: ${value}`]), NEXT);
      expect(answer).toMatch(/^HTTP\/1\.1 400 /);
      expect(answer).toContain('"code":"malformed_request"');
      expect(answer).toContain('"outcome":"failed"');
      expect(besidesTheNext()).toEqual([]);
      // One answer at most: that of the next request, or 400 when it comes after a close.
      expect(more.length).toBeLessThanOrEqual(1);
      gate.seen.length = 0;
    }
  });

  test('in the second of two lines', async () => {
    const lines = ['Connection: keep-alive', 'Connection: content-length'];
    const [answer] = await conversation(await request(lines), NEXT);
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(besidesTheNext()).toEqual([]);
  });
});

describe('a Connection that names headers of its own', () => {
  test.each(['keep-alive', 'Keep-Alive, TE', 'Upgrade, HTTP2-Settings', 'te, trailer', 'proxy-connection'])(
    '%s: the body reaches its function whole, and the next request its own',
    async (value) => {
      const answers = await conversation(await request([`Connection: ${value}`]), NEXT);
      expect(answers.map((each) => each.slice(0, 13))).toEqual(['HTTP/1.1 200 ', 'HTTP/1.1 200 ']);
      expect(besidesTheNext()).toEqual(['POST /v1/pay']);
      expect(gate.seen.find(({ method }) => method === 'POST')?.body.toString()).toBe(SMUGGLED);
    },
  );
});

describe('two lengths, or two of a header that may occur once', () => {
  test.each([
    ['Content-Length', ['Content-Length: 1']],
    ['a length and chunks', ['Transfer-Encoding: chunked']],
    ['Host', ['Host: other']],
    ['Authorization', ['Authorization: Bearer x']],
    ['If-Match', ['If-Match: "1"', 'If-Match: "2"']],
  ])('%s: 400, and no function is asked', async (_what, lines) => {
    const [answer = ''] = await conversation(await request(lines), NEXT);
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(besidesTheNext()).toEqual([]);
  });
});
