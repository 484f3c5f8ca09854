// The process around the functions of a Service. The functions are registered with the framework, whose own server
// could serve them (a test does). This server adds a size limit, problem+json for every error, health addresses, a
// drain that answers the requests in flight at SIGTERM, and a start without Express, which would take a third of it.

import { createServer, type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import process from 'node:process';
import type { Duplex } from 'node:stream';
import { http as register } from '@google-cloud/functions-framework';
import { port, publicUrl, serviceName } from '../environment.ts';
import type { FunctionDeclaration } from '../http/function.ts';
import { problemBody } from '../http/problem.ts';
import { problems } from '../http/problems.ts';
import { runShutdown } from '../shutdown.ts';
import { log } from '../telemetry/log.ts';
import { flushTelemetry, startTelemetry } from '../telemetry/trace.ts';
import { wake } from '../wake.ts';
import type { EventAnswer } from './event-request.ts';
import { type Answer, httpAnswer, requestIdOf, splitUrl } from './http-request.ts';
import { routerOf } from './route.ts';
import { answerUnknownSender, readSenders, type Senders } from './senders.ts';

const LIVENESS = new Set(['/health/liveness', '/health/live']);
const READINESS = new Set(['/health/readiness', '/health/ready']);

/**
 * Longer than the idle time of Kong (60 s) and queue-proxy (90 s), so that they never write into a socket that is being
 * closed.
 */
const KEEP_ALIVE_MS = 95_000;
/** A whole request must arrive within this time, so that a client cannot hold a socket for longer. */
const REQUEST_TIMEOUT_MS = 30_000;
/**
 * The platform ends the process at its own limit, which is shorter for most functions. This one is for hosts without a
 * limit.
 */
const DRAIN_LIMIT_MS = 60_000;
/**
 * During the drain, a connection without any request is closed after this time, because its first request may be on its
 * way.
 */
const SILENCE_MS = 1_000;

export interface Served {
  port: number;
  /** Answers the requests in flight, finishes work and closes connections. */
  drain(): Promise<void>;
}

/** Serves functions that belong together on a port until `drain`. Signals are the caller's business: `run` is what a bundle calls. */
export async function serve(declarations: readonly FunctionDeclaration[], listenOn = port()): Promise<Served> {
  const service = serviceName() ?? (declarations[0] as FunctionDeclaration).name;
  const senders = readSenders();
  await startTelemetry(service);
  const state = { draining: false };
  const server = serverOf(declarations, senders, state);
  const silent = silentConnections(server);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(listenOn, senders.listenOn, resolve);
  });
  const address = server.address();
  return {
    port: typeof address === 'object' && address ? address.port : listenOn,
    drain: async () => {
      state.draining = true;
      await closeServer(server, silent);
      await runShutdown((error) => log.error({ error, service }));
      await flushTelemetry();
    },
  };
}

/** The entry of a bundle: serves until SIGTERM or SIGINT, then drains and exits. */
export async function run(declarations: readonly FunctionDeclaration[]): Promise<void> {
  const served = await serve(declarations);
  let leaving = false;
  const leave = (code: number) => {
    if (leaving) return;
    leaving = true;
    const limit = setTimeout(() => {
      log.error({}, 'drain took too long, leaving');
      process.exit(1);
    }, DRAIN_LIMIT_MS);
    served.drain().finally(() => {
      clearTimeout(limit);
      process.exit(code);
    });
  };
  process.on('SIGTERM', () => leave(0));
  process.on('SIGINT', () => leave(0));
  process.on('unhandledRejection', (error) => log.error({ error }, 'unhandled rejection'));
  process.on('uncaughtException', (error) => {
    log.fatal({ error }, 'uncaught exception');
    leave(1);
  });
}

/** Takes no new connections, and closes each remaining one as soon as its last request is answered. */
async function closeServer(server: Server, silent: ReadonlySet<Socket>): Promise<void> {
  const closing = setInterval(() => server.closeIdleConnections(), 20);
  // closeIdleConnections() skips sockets that have not sent a request yet, so the drain closes them itself.
  const patience = setTimeout(() => {
    for (const socket of silent) socket.destroy();
  }, SILENCE_MS);
  await new Promise((resolve) => server.close(resolve));
  clearInterval(closing);
  clearTimeout(patience);
}

/** The connections that have not sent a request yet. */
function silentConnections(server: Server): ReadonlySet<Socket> {
  const silent = new Set<Socket>();
  server.on('connection', (socket) => {
    silent.add(socket);
    socket.once('close', () => silent.delete(socket));
  });
  server.on('request', ({ socket }: IncomingMessage) => silent.delete(socket));
  return silent;
}

// The framework's server is Express: it would read bodies of up to 1 GB, answer broken JSON with HTML, and cost as much CPU per
// request as the rest of the function (test/bench has the figures).
function serverOf(
  declarations: readonly FunctionDeclaration[],
  senders: Senders,
  state: { draining: boolean },
): Server {
  const answer = answerEverything(declarations, senders);
  for (const declaration of declarations) register(declaration.name, answerEverything([declaration], senders));
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    if (state.draining) response.setHeader('connection', 'close');
    const url = request.url ?? '';
    if (url.startsWith('/health/')) return answerHealth(url, response, state.draining);
    void answer(request, response);
  });
  server.on('clientError', answerClientError);
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  server.requestTimeout = REQUEST_TIMEOUT_MS;
  return server;
}

function answerEverything(declarations: readonly FunctionDeclaration[], senders: Senders): Answer {
  const find = routerOf(declarations);
  const http = new Map(declarations.map((declaration) => [declaration, httpAnswer(declaration)]));
  const takesEvents = declarations.some(({ event }) => event);
  let events: Promise<EventAnswer> | undefined;
  return async (request, response) => {
    const fromGateway = senders.isGateway(request);
    const [path] = splitUrl(request.url ?? '/');
    if (takesEvents && isEventPath(path)) {
      // The CloudEvents SDK is loaded with the first event: functions without events start without it.
      events ??= import('./event-request.ts').then(({ eventAnswer }) => eventAnswer(declarations, senders));
      return (await events)(request, response, fromGateway);
    }
    if (!fromGateway) {
      const requestId = requestIdOf(request.headers);
      return answerUnknownSender(request, { response, requestId, aboutMoney: false });
    }
    wake();
    const place = find(request.method ?? 'GET', path);
    return http.get(place.declaration)?.(request, response, place);
  };
}

function isEventPath(path: string): boolean {
  return path === '/events' || path.startsWith('/events/');
}

// Neither address does I/O, so that a slow database does not restart every instance.
function answerHealth(url: string, response: ServerResponse, draining: boolean): void {
  if (LIVENESS.has(url)) response.writeHead(200).end('live');
  else if (READINESS.has(url)) response.writeHead(draining ? 503 : 200).end(draining ? 'draining' : 'ready');
  else response.writeHead(404).end();
}

// node:http could not parse the request, so there is no response to write to, only the socket.
function answerClientError(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (!socket.writable || error.code === 'ECONNRESET') return void socket.destroy();
  const code =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? 'headers_too_large'
      : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? 'request_timeout'
        : 'malformed_request';
  const { status } = problems[code];
  const body = problemBody(publicUrl(), code, {}, false);
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\ncontent-type: application/problem+json\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  );
}
