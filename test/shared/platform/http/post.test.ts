// A POST over node:http: the bytes of the request, and its end.

import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, expect, test } from '@jest/globals';
import { post } from '../../../../shared/platform/http/post.ts';

let server: Server | undefined;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

async function serve(listener: RequestListener): Promise<string> {
  server = createServer(listener);
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
  return `127.0.0.1:${(server.address() as AddressInfo).port}/there`;
}

const inTime = () => AbortSignal.timeout(30_000);

test('the body is sent as it is, with its length in bytes, and the answer is returned', async () => {
  let received: IncomingMessage | undefined;
  const address = await serve(async (request, response) => {
    received = request;
    response.writeHead(418, { said: 'so' }).end(await text(request));
  });
  const answer = await post(`http://${address}`, { headers: { mine: 'too' }, body: 'größer', signal: inTime() });
  expect([answer.statusCode, answer.headers['said'], await text(answer)]).toEqual([418, 'so', 'größer']);
  expect([received?.method, received?.url]).toEqual(['POST', '/there']);
  expect(received?.headers).toMatchObject({ mine: 'too', 'content-length': '8', 'accept-encoding': 'identity' });
});

test('requests one after the other use the same connection', async () => {
  let connections = 0;
  const address = await serve((_request, response) => response.end());
  server?.on('connection', () => connections++);
  for (let count = 0; count < 3; count++) {
    await text(await post(`http://${address}`, { headers: {}, body: '', signal: inTime() }));
  }
  expect(connections).toBe(1);
});

test('the signal ends it while the answer is being read', async () => {
  const address = await serve((_request, response) => void response.writeHead(200).write('beginning'));
  const controller = new AbortController();
  const answer = await post(`http://${address}`, { headers: {}, body: '', signal: controller.signal });
  const read = text(answer);
  controller.abort();
  await expect(read).rejects.toThrow();
});

test('https is TLS: a server that does not speak it gets nothing', async () => {
  let asked = 0;
  const address = await serve(() => asked++);
  await expect(post(`https://${address}`, { headers: {}, body: 'secret', signal: inTime() })).rejects.toThrow();
  expect(asked).toBe(0);
});
