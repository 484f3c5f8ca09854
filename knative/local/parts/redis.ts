import { randomBytes } from 'node:crypto';
import { access, constants, mkdir, writeFile } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { delimiter, join } from 'node:path';
import { Redis } from '@upstash/redis';
import type { DataDirectory } from './data-directory.ts';
import { freePort } from './free-port.ts';
import { startGuarded, stopLeftOver, waitUntilReady } from './guarded-process.ts';
import { redisConnection } from './redis-connection.ts';
import { startRedisRestProxy } from './redis-rest-proxy.ts';

export type RedisPart = {
  /** "Redis 7.0.15, behind our REST proxy": what runs, as the server itself says. */
  readonly description: string;
  /** False for the JavaScript substitute, which keeps nothing. */
  readonly real: boolean;
  readonly version: string;
  readonly restUrl: string;
  /** Opens database 0. Never print it. */
  readonly restToken: string;
  /** Tokens of further logical databases, 1 and up; empty when the proxy is not ours. */
  readonly databaseTokens: readonly string[];
  /** Of the REST interface, to print. */
  readonly address: string;
  readonly port: number | undefined;
  readonly redisPort: number | undefined;
  readonly pid: number | undefined;
  /** Resolves with a description when our server has ended, asked or not. Undefined as `pid` is. */
  readonly ended: Promise<string> | undefined;
  stop(): Promise<void>;
};

export type RedisOptions = {
  restUrl?: string | undefined;
  restToken?: string | undefined;
  /** redis:// or rediss:// address of a server to use instead of our own. */
  redisUrl?: string | undefined;
  restPort?: number | undefined;
  /** How many logical databases besides 0 get a token of their own (tests: one per test file). */
  extraDatabases?: number | undefined;
  /** Directories to look for `redis-server` in, as in PATH. */
  searchPath?: string | undefined;
};

/** The first of: a REST service that is given, a Redis that is given, one on the PATH, the JavaScript substitute. */
export async function startRedis(data: DataDirectory, options: RedisOptions = {}): Promise<RedisPart> {
  if (options.restUrl) return externalRest(options.restUrl, options.restToken);
  if (options.redisUrl) return behindProxy(data, options, { url: options.redisUrl, what: 'the one of REDIS_URL' });
  const binary = await findServer(options.searchPath ?? process.env.PATH ?? '');
  if (binary) return behindProxy(data, options, await startServer(data, binary, options));
  return behindProxy(data, options, await startSubstitute(options));
}

type Server = {
  url: string;
  what: string;
  substitute?: true;
  port?: number;
  pid?: number;
  ended?: Promise<string>;
  stop?: () => Promise<void>;
};

async function behindProxy(data: DataDirectory, options: RedisOptions, server: Server): Promise<RedisPart> {
  try {
    const info = await askInfo(server.url);
    const restToken = data.secrets.redisRestToken;
    // In a Redis of somebody's own the other databases are not ours to hand out.
    const extra = server.stop ? (options.extraDatabases ?? 0) : 0;
    const databaseTokens = Array.from({ length: extra }, () => randomBytes(18).toString('base64url'));
    const redisUrls = new Map([[restToken, server.url]]);
    for (const [at, token] of databaseTokens.entries()) redisUrls.set(token, `${server.url}/${at + 1}`);
    const port = await freePort(options.restPort ?? data.ports['redisRest']);
    const proxy = await startRedisRestProxy({ redisUrls, port });
    return {
      description: server.substitute
        ? `js-redis-server, a substitute in JavaScript that plays Redis ${info.version} and keeps nothing, behind our REST proxy`
        : `${info.name} ${info.version}, ${server.what}, behind our REST proxy`,
      real: server.substitute === undefined,
      version: info.version,
      restUrl: proxy.url,
      restToken,
      databaseTokens,
      address: proxy.url,
      port: proxy.port,
      redisPort: server.port,
      pid: server.pid,
      ended: server.ended,
      stop: async () => {
        await proxy.stop();
        await server.stop?.();
      },
    };
  } catch (error) {
    await server.stop?.();
    throw error;
  }
}

async function startServer(data: DataDirectory, binary: string, options: RedisOptions): Promise<Server> {
  const directory = join(data.path, 'redis');
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const record = join(data.path, 'redis.process');
  await stopLeftOver(record, 'SIGTERM', 10);
  const port = await freePort(data.ports['redis']);
  const config = join(directory, 'redis.conf');
  await writeFile(
    config,
    [
      'bind 127.0.0.1',
      `port ${port}`,
      `requirepass ${data.secrets.redis}`,
      `dir "${directory}"`,
      'daemonize no',
      'appendonly yes',
      'appendfsync everysec',
      'save ""',
      'maxmemory 256mb',
      // An evicted revocation would bring a session back to life.
      'maxmemory-policy noeviction',
      `databases ${1 + (options.extraDatabases ?? 15)}`,
      '',
    ].join('\n'),
    { mode: 0o600 },
  );
  const server = await startGuarded({
    name: 'Redis',
    command: binary,
    args: [config],
    directory,
    logFile: join(data.path, 'logs', 'redis.log'),
    recordFile: record,
    stopSignal: 'TERM',
    stopSeconds: 10,
  });
  const url = `redis://:${data.secrets.redis}@127.0.0.1:${port}`;
  await waitUntilReady(server, () => askInfo(url), 30);
  return { url, what: 'the one on the PATH', port, pid: server.pid, ended: server.ended, stop: server.stop };
}

async function startSubstitute(options: RedisOptions): Promise<Server> {
  // Loaded only here: it is a development package, and large.
  const { createRedisServer } = await import('js-redis-server');
  const server = await createRedisServer({ databaseCount: 1 + (options.extraDatabases ?? 15) });
  const clients = new Set<Socket>();
  server.server.server.on('connection', (socket) => {
    clients.add(socket);
    socket.once('close', () => clients.delete(socket));
  });
  return {
    url: `redis://127.0.0.1:${server.port}`,
    what: 'the substitute',
    substitute: true,
    port: server.port,
    stop: async () => {
      // It would wait for its clients to go by themselves.
      for (const socket of clients) socket.destroy();
      await server.close();
    },
  };
}

async function externalRest(url: string, token: string | undefined): Promise<RedisPart> {
  const address = new URL(url).origin;
  if (!token)
    throw new Error('UPSTASH_REDIS_REST_URL is set but UPSTASH_REDIS_REST_TOKEN is not: set both or neither.');
  const client = new Redis({ url, token, signal: () => AbortSignal.timeout(5000), retry: { retries: 0 } });
  const info = await client.exec<string>(['INFO', 'server']).catch((cause: Error) => {
    throw new Error(`The Redis of UPSTASH_REDIS_REST_URL at ${address} cannot be used: ${firstLine(cause)}.`, {
      cause,
    });
  });
  const { name, version } = readInfo(info);
  return {
    description: `${name} ${version}, the one of UPSTASH_REDIS_REST_URL`,
    real: true,
    version,
    restUrl: url,
    restToken: token,
    databaseTokens: [],
    address,
    port: undefined,
    redisPort: undefined,
    pid: undefined,
    ended: undefined,
    stop: async () => undefined,
  };
}

async function askInfo(url: string): Promise<{ name: string; version: string }> {
  const connection = redisConnection(url, 5000);
  try {
    const [reply] = await connection.send([['INFO', 'server']]);
    if (!Buffer.isBuffer(reply)) throw new Error(`Redis does not answer INFO: ${reply}`);
    return readInfo(reply.toString());
  } finally {
    connection.close();
  }
}

function readInfo(info: string): { name: string; version: string } {
  const field = (name: string) => new RegExp(`^${name}:(.*)$`, 'm').exec(info)?.[1]?.trim();
  const valkey = field('valkey_version');
  if (valkey) return { name: 'Valkey', version: valkey };
  return { name: 'Redis', version: field('redis_version') ?? 'of unknown version' };
}

async function findServer(searchPath: string): Promise<string | undefined> {
  for (const name of ['redis-server', 'valkey-server']) {
    for (const directory of searchPath.split(delimiter).filter(Boolean)) {
      const path = join(directory, name);
      const found = await access(path, constants.X_OK).then(
        () => true,
        () => false,
      );
      if (found) return path;
    }
  }
  return undefined;
}

function firstLine(error: Error): string {
  return error.message.split('\n')[0]?.replace(/, command was:.*$/, '') ?? '';
}
