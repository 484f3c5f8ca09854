import { randomBytes } from 'node:crypto';
import { Redis } from '@upstash/redis';
import type { DataDirectory } from './data-directory.ts';
import { onFreePorts } from './free-port.ts';
import { startRedisRestProxy } from './redis-rest-proxy.ts';
import { askInfo, findServer, type RedisServer, readInfo, startServer, startSubstitute } from './redis-server.ts';

export type RedisPart = {
  /** "Redis 7.0.15, behind our REST proxy": the description that the server itself gives. */
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
  /** Resolves with a description when our server has ended, asked or not. Undefined when `pid` is. */
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

/** The first of: a given REST service, a given Redis, a redis-server on the PATH, the JavaScript substitute. */
export async function startRedis(data: DataDirectory, options: RedisOptions = {}): Promise<RedisPart> {
  if (options.restUrl) return externalRest(options.restUrl, options.restToken);
  if (options.redisUrl) return behindProxy(data, options, { url: options.redisUrl, what: 'the one of REDIS_URL' });
  const databases = 1 + (options.extraDatabases ?? 15);
  const binary = await findServer(options.searchPath ?? process.env.PATH ?? '');
  if (binary) return behindProxy(data, options, await startServer(data, binary, databases));
  const substitute = await onFreePorts([data.ports['redis']], (port = 0) => startSubstitute(data, databases, port));
  return behindProxy(data, options, substitute);
}

async function behindProxy(data: DataDirectory, options: RedisOptions, server: RedisServer): Promise<RedisPart> {
  try {
    const info = await askInfo(server.url);
    const restToken = data.secrets.redisRestToken;
    // The other databases of a given Redis belong to its owner.
    const extra = server.stop ? (options.extraDatabases ?? 0) : 0;
    const databaseTokens = Array.from({ length: extra }, () => randomBytes(18).toString('base64url'));
    const redisUrls = new Map([[restToken, server.url]]);
    for (const [at, token] of databaseTokens.entries()) redisUrls.set(token, `${server.url}/${at + 1}`);
    const proxy = await onFreePorts([options.restPort ?? data.ports['redisRest']], (port) =>
      startRedisRestProxy({ redisUrls, port }),
    );
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

function firstLine(error: Error): string {
  return error.message.split('\n')[0]?.replace(/, command was:.*$/, '') ?? '';
}
