// The gateway's port, taken before everything else starts, so that no other process takes it meanwhile.

import { createServer, type RequestListener, type Server, STATUS_CODES } from 'node:http';
import type { AddressInfo } from 'node:net';
import { kindEnd } from './kind-end.ts';

/** Kong's (nginx's) own, a little above what browsers and SDKs keep idle connections for. */
const CLIENT_KEEP_ALIVE_MS = 75_000;
/** The limit that kong/deployment gives nginx between two reads of a body; here it is for the whole body. */
const REQUEST_TIMEOUT_MS = 30_000;

/** nginx's statuses for requests that Node cannot read; 400 for the rest. */
const STATUSES: Readonly<Record<string, number>> = { HPE_INVALID_VERSION: 505, ERR_HTTP_REQUEST_TIMEOUT: 408 };

/** A port that is taken. It asks every caller to come back until the gateway stands behind it. */
export interface Door {
  port: number;
  /** Gives requests to this handler from now on. */
  answer(listener: RequestListener): void;
  /** Answers the requests in flight first. */
  close(): Promise<void>;
}

/** Throws a sentence when the port is taken already; 0 is any free one. */
export async function openDoor(port: number): Promise<Door> {
  const server = createServer({
    keepAliveTimeout: CLIENT_KEEP_ALIVE_MS,
    headersTimeout: REQUEST_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    connectionsCheckingInterval: 5_000,
  });
  const close = kindEnd(server);
  server.on('request', sayNotYet);
  server.on('clientError', ({ code }: NodeJS.ErrnoException, socket) => {
    const status = STATUSES[code ?? ''] ?? 400;
    const line = `HTTP/1.1 ${status} ${STATUS_CODES[status]}`;
    if (socket.writable) socket.end(`${line}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
  });
  await listen(server, port);
  return {
    port: (server.address() as AddressInfo).port,
    answer: (listener) => {
      server.off('request', sayNotYet);
      server.on('request', listener);
    },
    close,
  };
}

const sayNotYet: RequestListener = (_request, response) => {
  response.writeHead(503, { 'retry-after': '1', connection: 'close' }).end();
};

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const taken = `Port ${port} is taken by another program: stop that, or choose another with PORT=<number>.`;
      reject(error.code === 'EADDRINUSE' ? new Error(taken) : error);
    });
    server.listen(port, '127.0.0.1', resolve);
  });
}
