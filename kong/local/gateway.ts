// The local gateway: reads kong.yaml and does what Kong would do with it, in one process with the platform. It names
// the features of Kong that it leaves out in `notPlayed`, and refuses to start with a setting that it does not know.

import type { IncomingMessage, ServerResponse } from 'node:http';
import { Pool } from 'undici';
import type { ApiKey } from '../api-key.ts';
import { type Configuration, readConfiguration, type Upstream } from './configuration.ts';
import { redisCounters } from './counters.ts';
import { type Door, openDoor } from './door.ts';
import { addressOf, exchangeOf } from './exchange.ts';
import { endToEnd, forward, hasBody, NotForwarded, sendOn } from './forward.ts';
import { startLogQueues } from './log-queue.ts';
import { refusedAtOnce, wholeBody } from './nginx.ts';
import type { Answer, Exchange, Exit, Handler, HeaderValues } from './plugin.ts';
import { postThrough } from './post.ts';
import { type Counted, type Counts, startCounts } from './request-counts.ts';
import { routerOf } from './router.ts';

/** Below the functions' 95 s, so that no request meets a connection that is being closed. */
const UPSTREAM_KEEP_ALIVE_MS = 60_000;
/** How long a refused upload is read on, so that the caller reads the refusal. */
const LINGER_MS = 3_000;
/** nginx's status for a caller who did not wait for the answer. */
const CLIENT_HAS_GONE = 499;

export interface GatewayOptions {
  /** kong.yaml, rendered. */
  configuration: string;
  publicUrl: string;
  /** The server that answers cluster-local names: Kourier's part. Requests go there with the Host of their service. */
  ingress: string;
  /** The REST proxy in front of Redis. Its password comes from kong.yaml. */
  redis: { url: string };
  /** The variables of Kong's process, which `{vault://env/...}` in kong.yaml refers to. */
  environment: Readonly<Record<string, string>>;
  /** An open port from `openDoor`; a free port unless given. */
  door?: Door;
  /** Gets sentences for the operator. */
  warn?(sentence: string): void;
}

export interface Gateway {
  port: number;
  /** "prometheus: metrics of the gateway", one per plugin that only Kong plays. */
  notPlayed: string[];
  /** Finished requests since the start; the route is '' when none matched. Kong's kong_http_requests_total. */
  counted(): Counted[];
  /** Lets in these keys and no others from now on. Throws a sentence, and changes nothing, when one cannot be used. */
  replaceApiKeys(keys: readonly ApiKey[]): void;
  /** Answers the requests in flight, logs them, then closes. */
  stop(): Promise<void>;
}

/** Throws a sentence when kong.yaml cannot be played. */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const warn = options.warn ?? (() => undefined);
  const cluster = new Pool(options.ingress, { keepAliveTimeout: UPSTREAM_KEEP_ALIVE_MS });
  const logQueues = startLogQueues(warn);
  const configuration = readConfiguration(options.configuration, {
    publicUrl: options.publicUrl,
    environment: options.environment,
    counters: redisCounters(options.redis.url),
    logQueues,
    post: postThrough(cluster),
    warn,
  });
  const pools = new Map<Upstream, Pool>();
  for (const { upstream } of configuration.routes) {
    if (upstream && !pools.has(upstream)) {
      const connect = { timeout: upstream.connectTimeout };
      pools.set(upstream, new Pool(options.ingress, { connect, keepAliveTimeout: UPSTREAM_KEEP_ALIVE_MS }));
    }
  }
  const counts = startCounts();
  const door = options.door ?? (await openDoor(0));
  door.answer(listener(configuration, pools, counts));
  return {
    port: door.port,
    notPlayed: configuration.notPlayed,
    counted: counts.all,
    replaceApiKeys: configuration.apiKeys.replace,
    stop: async () => {
      await door.close();
      await logQueues.stop();
      await Promise.all([cluster, ...pools.values()].map((pool) => pool.close()));
    },
  };
}

function listener(configuration: Configuration, pools: ReadonlyMap<Upstream, Pool>, counts: Counts) {
  const find = routerOf(configuration.routes);

  return async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { path, search } = addressOf(request);
    const refusal = refusedAtOnce(request);
    const match = refusal === undefined ? find(request.method ?? 'GET', path) : undefined;
    const exchange = exchangeOf(request, path, search, match?.route.name ?? '');
    const handlers = match?.route.handlers ?? configuration.global;
    response.once('close', () => {
      const status = response.headersSent ? response.statusCode : CLIENT_HAS_GONE;
      counts.add(exchange.route, status);
      for (const handler of handlers) handler.log?.(exchange, status);
    });
    const reply = (exit: Exit, source: Answer['source'] = 'exit') =>
      answerItself(exchange, handlers, exit, source, response);
    try {
      if (refusal !== undefined) return reply({ status: refusal, headers: { connection: 'close' } }, 'error');
      if (!match) return reply({ status: 404, body: '{"message":"no Route matched with those values"}' });
      for (const handler of handlers) {
        const exit = await handler.access?.(exchange);
        if (exit) return reply(exit);
      }
      const { upstream } = match.route;
      const pool = upstream && pools.get(upstream);
      if (!upstream || !pool) return reply({ status: 503, body: '{"message":"no Service found with those values"}' });
      const body = await wholeBody(request);
      if (body === 'too large') return reply({ status: 413 }, 'error');
      if (body) exchange.body = body;
      await pass(exchange, handlers, upstream, pool, match.path + exchange.search, response);
    } catch (error) {
      if (response.headersSent || request.socket.destroyed) return void response.destroy();
      const status = statusOf(error);
      if (error instanceof NotForwarded) exchange.answered.upstreamStatus = String(status);
      reply({ status, body: '{"message":"failure on the way"}' }, 'error');
    }
  };
}

function statusOf(error: unknown): number {
  if (!(error instanceof NotForwarded)) return 500;
  return error.reason === 'timeout' ? 504 : 502;
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
  exchange.answered.source = 'service';
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
  exchange.answered.upstreamStatus = String(sent.statusCode);
  for (const handler of handlers) handler.headerFilter?.(exchange, answer);
  answer.headers['x-kong-request-id'] = exchange.kongRequestId;
  if (exchange.problemId !== undefined) {
    const body = rewritten(exchange, handlers, answer, await sent.body.text());
    response.writeHead(answer.status, { ...answer.headers, 'content-length': Buffer.byteLength(body) });
    response.end(body);
    return;
  }
  response.writeHead(answer.status, answer.headers);
  await sendOn(sent, response);
}

// As Kong does with preserve_host: false and no trusted proxy in front of it.
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
    'x-kong-request-id': exchange.kongRequestId,
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
  exchange.answered.source = source;
  for (const handler of handlers) handler.headerFilter?.(exchange, answer);
  answer.headers['x-kong-request-id'] = exchange.kongRequestId;
  let body = exit.body ?? '';
  if (exchange.problemId !== undefined) body = rewritten(exchange, handlers, answer, body);
  const unread = hasBody(request) && !request.complete;
  if (unread) answer.headers['connection'] = 'close';
  response.writeHead(answer.status, { ...answer.headers, 'content-length': Buffer.byteLength(body) });
  if (!unread) return void response.end(body);
  // Closing a connection while the caller still writes would lose the answer.
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
