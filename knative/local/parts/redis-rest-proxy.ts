import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  type RedisCommand,
  type RedisConnection,
  RedisError,
  RedisUnavailable,
  redisConnection,
} from './redis-connection.ts';
import { BadRequest, parseBody, readCommand, readCommands, writeReply } from './redis-rest-encoding.ts';

// Upstash's REST protocol in front of a Redis, so that functions use the same client here as in production.
// Streams of messages (SUBSCRIBE, MONITOR) are left out: nothing here uses them.

export type RedisRestProxy = { readonly url: string; readonly port: number; stop(): Promise<void> };

export type RedisRestProxyOptions = {
  /** The Redis that each bearer token opens: redis:// or rediss:// addresses, with the number of a database. */
  redisUrls: ReadonlyMap<string, string>;
  port?: number | undefined;
  /** Largest body in bytes. */
  bodyLimit?: number;
  /** How long Redis may take, in milliseconds. */
  commandLimitMs?: number;
};

/**
 * Commands that change the state of the connection, which all callers share, or that keep it waiting; and commands
 * that end the server or send its data to another one.
 */
const refused = new Set(
  (
    'auth hello select quit reset client multi exec discard watch unwatch ' +
    'subscribe unsubscribe psubscribe punsubscribe ssubscribe sunsubscribe monitor ' +
    'blpop brpop blmove brpoplpush blmpop bzpopmin bzpopmax bzmpop wait waitaof ' +
    'shutdown debug config acl module sync psync replconf replicaof slaveof failover cluster migrate swapdb ' +
    'save bgsave bgrewriteaof'
  ).split(' '),
);

export async function startRedisRestProxy(options: RedisRestProxyOptions): Promise<RedisRestProxy> {
  // One connection for each database, made when first needed: SELECT belongs to a connection.
  const connections = new Map(
    [...options.redisUrls].map(([token, url]) => [digest(token), redisConnection(url, options.commandLimitMs)]),
  );
  const server = createServer((request, response) => {
    answer(request, options.bodyLimit ?? 1024 * 1024, connections).then(
      (reply) => send(response, reply.status, reply.body),
      (error: Error) => {
        // The rest of a refused body is read and dropped: closing the connection of a client that still sends would
        // cost it our answer.
        request.resume();
        send(response, statusOf(error), JSON.stringify({ error: error.message }));
      },
    );
  });
  // Longer than clients keep an idle connection: closing first makes them fail on a request just sent.
  server.keepAliveTimeout = 75_000;
  await listen(server, options.port ?? 0);
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    stop: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeIdleConnections();
      const impatient = setTimeout(() => server.closeAllConnections(), 2000);
      await closed;
      clearTimeout(impatient);
      for (const connection of connections.values()) connection.close();
    },
  };
}

type Answer = { status: number; body: string };

class Refusal extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

function statusOf(error: Error): number {
  if (error instanceof Refusal) return error.status;
  if (error instanceof BadRequest) return 400;
  return error instanceof RedisUnavailable ? 503 : 500;
}

async function answer(
  request: IncomingMessage,
  bodyLimit: number,
  connections: ReadonlyMap<string, RedisConnection>,
): Promise<Answer> {
  // Looked up by digest, so that the time it takes tells nothing about the token.
  const connection = connections.get(digest(/^Bearer (\S+)$/i.exec(request.headers.authorization ?? '')?.[1] ?? ''));
  if (!connection) throw new Refusal(401, 'WRONGPASS invalid or missing auth token');
  const url = new URL(request.url ?? '/', 'http://proxy');
  const path = url.pathname;
  const listed = path === '/' || path === '/pipeline' || path === '/multi-exec';
  if (request.method !== 'POST' && (listed || request.method !== 'GET')) {
    throw new Refusal(405, `ERR ${request.method} is not supported here: use POST`);
  }
  const body = await readBody(request, bodyLimit);
  const base64 = request.headers['upstash-encoding'] === 'base64';
  if (path === '/pipeline') return pipeline(connection, readCommands(parseBody(body)), base64);
  if (path === '/multi-exec') return transaction(connection, readCommands(parseBody(body)), base64);
  const command = path === '/' ? readCommand(parseBody(body)) : commandOfPath(url, body);
  return single(connection, command, base64);
}

async function single(connection: RedisConnection, command: RedisCommand, base64: boolean): Promise<Answer> {
  const no = refusalOf(command);
  const [reply = null] = no ? [no] : await connection.send([scoped(command)]);
  return { status: reply instanceof RedisError ? 400 : 200, body: writeReply(reply, base64) };
}

async function pipeline(connection: RedisConnection, commands: RedisCommand[], base64: boolean): Promise<Answer> {
  const refusals = commands.map(refusalOf);
  const replies = await connection.send(commands.filter((_, at) => !refusals[at]).map(scoped));
  const parts = refusals.map((no) => writeReply(no ?? replies.shift() ?? null, base64));
  return { status: 200, body: `[${parts.join(',')}]` };
}

async function transaction(connection: RedisConnection, commands: RedisCommand[], base64: boolean): Promise<Answer> {
  const no = commands.map(refusalOf).find((refusal) => refusal !== undefined);
  if (no) throw new BadRequest(`EXECABORT Transaction discarded because of: ${no.message}`);
  const replies = await connection.send([['MULTI'], ...commands.map(scoped), ['EXEC']]);
  const executed = replies.at(-1);
  if (!Array.isArray(executed)) {
    const cause = replies.slice(1, -1).find((reply) => reply instanceof RedisError);
    throw new BadRequest(`EXECABORT Transaction discarded because of: ${cause?.message ?? 'previous errors'}`);
  }
  return { status: 200, body: `[${executed.map((reply) => writeReply(reply, base64)).join(',')}]` };
}

function refusalOf(command: RedisCommand): RedisError | undefined {
  const name = String(command[0]).toLowerCase();
  const blocking = (name === 'xread' || name === 'xreadgroup') && command.some((part) => /^block$/i.test(String(part)));
  return refused.has(name) || blocking ? new RedisError(`ERR '${name}' is not available over REST`) : undefined;
}

/** A caller has one database, so emptying all means emptying that one. */
function scoped(command: RedisCommand): RedisCommand {
  return String(command[0]).toLowerCase() === 'flushall' ? ['FLUSHDB', ...command.slice(1)] : command;
}

/** `/set/key/value?EX=10`, with the body, if there is one, as the last argument of the path: for curl. */
function commandOfPath(url: URL, body: Buffer): RedisCommand {
  let segments: string[];
  try {
    segments = url.pathname.slice(1).split('/').map(decodeURIComponent);
  } catch {
    throw new BadRequest('ERR the path is not valid percent-encoding');
  }
  const options = [...url.searchParams].flatMap(([name, value]) => (value ? [name, value] : [name]));
  return [...segments, ...(body.length > 0 ? [body] : []), ...options];
}

async function readBody(request: IncomingMessage, limit: number): Promise<Buffer> {
  const tooLarge = new Refusal(413, `ERR max request size exceeded: ${limit} bytes`);
  if (Number(request.headers['content-length'] ?? 0) > limit) throw tooLarge;
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    size += (chunk as Buffer).length;
    if (size > limit) throw tooLarge;
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks, size);
}

function send(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) });
  response.end(body);
}

function digest(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      server.off('error', reject);
      resolve();
    });
  });
}
