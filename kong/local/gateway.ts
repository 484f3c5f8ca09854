// The local gateway: reads kong.yaml and does what Kong would do with it, in one process with the platform. It is not Kong; what
// it does not play it names in `notPlayed`, and what it does not know it refuses to start with.

import type { IncomingMessage, ServerResponse } from 'node:http';
import { Pool } from 'undici';
import { type Configuration, readConfiguration, type Upstream } from './configuration.ts';
import { redisCounters } from './counters.ts';
import { type Door, openDoor } from './door.ts';
import { endToEnd, forward, hasBody, NotForwarded, sendOn } from './forward.ts';
import type { Answer, Exchange, Exit, Handler, HeaderValues } from './plugin.ts';
import { routerOf } from './router.ts';

/** Below the functions' 95 s, so that no request meets a connection that is being closed. */
const UPSTREAM_KEEP_ALIVE_MS = 60_000;
/** How long a refused upload is read to its end, so that the caller gets to read the refusal. */
const LINGER_MS = 3_000;

export interface GatewayOptions {
  /** kong.yaml, rendered. */
  configuration: string;
  publicUrl: string;
  /** Where cluster-local names are answered: Kourier's part. Requests go there with the Host of their service. */
  ingress: string;
  redis: { url: string; token: string };
  /** Where it listens already, from `openDoor`; a free port unless given. */
  door?: Door;
  /** Sentences for the operator. */
  warn?(sentence: string): void;
}

export interface Gateway {
  port: number;
  /** "prometheus: metrics of the gateway", one per plugin that only Kong plays. */
  notPlayed: string[];
  /** Answers what is in flight, then closes. */
  stop(): Promise<void>;
}

/** Throws a sentence when kong.yaml cannot be played. */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const warn = options.warn ?? (() => undefined);
  const counters = redisCounters(options.redis.url, options.redis.token);
  const configuration = readConfiguration(options.configuration, { publicUrl: options.publicUrl, counters, warn });
  const pools = new Map<Upstream, Pool>();
  for (const { upstream } of configuration.routes) {
    if (upstream && !pools.has(upstream)) {
      const connect = { timeout: upstream.connectTimeout };
      pools.set(upstream, new Pool(options.ingress, { connect, keepAliveTimeout: UPSTREAM_KEEP_ALIVE_MS }));
    }
  }
  const door = options.door ?? (await openDoor(0));
  door.answer(listener(configuration, pools));
  return {
    port: door.port,
    notPlayed: configuration.notPlayed,
    stop: async () => {
      await door.close();
      await Promise.all([...pools.values()].map((pool) => pool.close()));
    },
  };
}

function listener(configuration: Configuration, pools: ReadonlyMap<Upstream, Pool>) {
  const find = routerOf(configuration.routes);

  return async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = request.url ?? '/';
    const mark = url.indexOf('?');
    const path = mark < 0 ? url : url.slice(0, mark);
    const search = mark < 0 ? '' : url.slice(mark);
    const method = request.method ?? 'GET';
    const match = find(method, path);
    const exchange = exchangeOf(request, method, path, match?.route.name ?? '');
    const handlers = match?.route.handlers ?? configuration.global;
    const reply = (exit: Exit, source: Answer['source'] = 'exit') =>
      answerItself(exchange, handlers, exit, source, response);
    try {
      if (!match) return reply({ status: 404, body: '{"message":"no Route matched with those values"}' });
      for (const handler of handlers) {
        const exit = await handler.access?.(exchange);
        if (exit) return reply(exit);
      }
      const { upstream } = match.route;
      const pool = upstream && pools.get(upstream);
      if (!upstream || !pool) return reply({ status: 503, body: '{"message":"no Service found with those values"}' });
      await pass(exchange, handlers, upstream, pool, match.path + search, response);
    } catch (error) {
      if (response.headersSent) return void response.destroy();
      reply({ status: statusOf(error), body: '{"message":"failure on the way"}' }, 'error');
    }
  };
}

function statusOf(error: unknown): number {
  if (!(error instanceof NotForwarded)) return 500;
  return error.reason === 'timeout' ? 504 : 502;
}

function exchangeOf(request: IncomingMessage, method: string, path: string, route: string): Exchange {
  const headers: HeaderValues = {};
  // Not request.headers: Node drops repeated ones there that a function should see, and refuse.
  for (const [name, values] of Object.entries(request.headersDistinct)) {
    if (values) headers[name] = values.length === 1 ? (values[0] ?? '') : values;
  }
  return { request, method, path, route, headers, clientAddress: request.socket.remoteAddress ?? '' };
}

async function pass(
  exchange: Exchange,
  handlers: Handler[],
  upstream: Upstream,
  pool: Pool,
  path: string,
  response: ServerResponse,
): Promise<void> {
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  const sent = await forward(
    pool,
    exchange.request,
    {
      method: exchange.method,
      path,
      headers: upstreamHeaders(exchange, upstream),
      body: exchange.body,
      silenceMs: upstream.readTimeout,
    },
    gone.signal,
  );
  const answer: Answer = { status: sent.statusCode, headers: endToEnd(sent.headers), source: 'service' };
  for (const handler of handlers) handler.headerFilter?.(exchange, answer);
  if (exchange.problemId !== undefined) {
    const body = rewritten(exchange, handlers, answer, await sent.body.text());
    response.writeHead(answer.status, { ...answer.headers, 'content-length': Buffer.byteLength(body) });
    response.end(body);
    return;
  }
  response.writeHead(answer.status, answer.headers);
  await sendOn(sent, response);
}

// As Kong with preserve_host: false and nobody in front of it that it would trust.
function upstreamHeaders(exchange: Exchange, upstream: Upstream): HeaderValues {
  const { host = '', 'x-forwarded-for': forwardedFor, ...headers } = endToEnd(exchange.headers);
  if (exchange.body) headers['content-length'] = String(exchange.body.length);
  const address = exchange.request.socket;
  return {
    ...headers,
    host: upstream.url.host,
    'x-forwarded-for': [forwardedFor ?? [], exchange.clientAddress].flat().join(', '),
    'x-forwarded-proto': 'http',
    'x-forwarded-host': String(host).replace(/:\d+$/, ''),
    'x-forwarded-port': String(address.localPort),
    'x-forwarded-path': exchange.path,
    'x-real-ip': exchange.clientAddress,
  };
}

function rewritten(exchange: Exchange, handlers: Handler[], answer: Answer, said: string): string {
  let body = said;
  for (const handler of handlers) body = handler.bodyFilter?.(exchange, answer, body) ?? body;
  return body;
}

function answerItself(
  exchange: Exchange,
  handlers: Handler[],
  exit: Exit,
  source: Answer['source'],
  response: ServerResponse,
): void {
  const { request } = exchange;
  const answer: Answer = { status: exit.status, headers: { ...exit.headers }, source };
  for (const handler of handlers) handler.headerFilter?.(exchange, answer);
  let body = exit.body ?? '';
  if (exchange.problemId !== undefined) body = rewritten(exchange, handlers, answer, body);
  const unread = hasBody(request) && !request.complete;
  if (unread) answer.headers['connection'] = 'close';
  response.writeHead(answer.status, { ...answer.headers, 'content-length': Buffer.byteLength(body) });
  if (!unread) return void response.end(body);
  // A connection that is closed while the caller still writes takes the answer with it.
  response.write(body);
  const end = () => {
    clearTimeout(limit);
    response.end();
  };
  const limit = setTimeout(end, LINGER_MS);
  request.once('end', end);
  request.once('close', end);
  request.resume();
}
