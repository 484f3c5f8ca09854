import { once } from 'node:events';
import { access, constants, mkdir, writeFile } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { delimiter, join } from 'node:path';
import type { DataDirectory } from './data-directory.ts';
import { onFreePorts } from './free-port.ts';
import { startGuarded, stopLeftOver, waitUntilReady } from './guarded-process.ts';
import { redisConnection } from './redis-connection.ts';

/** A Redis to put the proxy in front of. */
export type RedisServer = {
  url: string;
  /** Its origin in words. */
  what: string;
  substitute?: true;
  port?: number;
  pid?: number;
  ended?: Promise<string>;
  stop?: () => Promise<void>;
};

/** The path of the first `redis-server`, or else `valkey-server`, in these directories. */
export async function findServer(searchPath: string): Promise<string | undefined> {
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

/** Starts a real server with its data in the data directory. */
export async function startServer(data: DataDirectory, binary: string, databases: number): Promise<RedisServer> {
  const directory = join(data.path, 'redis');
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const record = join(data.path, 'redis.process');
  await stopLeftOver(record, 'SIGTERM', 10);
  const config = join(directory, 'redis.conf');
  return onFreePorts([data.ports['redis']], async (port = 0) => {
    await writeFile(config, configuration(directory, port, data.secrets.redis, databases), {
      mode: 0o600,
    });
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
  });
}

function configuration(directory: string, port: number, password: string, databases: number): string {
  return [
    'bind 127.0.0.1',
    `port ${port}`,
    `requirepass ${password}`,
    `dir "${directory}"`,
    'daemonize no',
    'appendonly yes',
    'appendfsync everysec',
    'save ""',
    'maxmemory 256mb',
    // An evicted revocation would bring a session back to life.
    'maxmemory-policy noeviction',
    `databases ${databases}`,
    '',
  ].join('\n');
}

/** Starts the substitute, in this process. */
export async function startSubstitute(data: DataDirectory, databases: number, port: number): Promise<RedisServer> {
  // Loaded only here: it is a development package, and large. Assembled from its parts, because the package's own ways
  // to start it listen on all addresses of the machine and know no password.
  const { createRedisCommandExecutor, RedisServerState, Resp2Server } = await import('js-redis-server/core');
  const password = data.secrets.redis;
  const state = new RedisServerState({ databaseCount: databases, requirepass: password });
  const resp = new Resp2Server({ server: state, executor: createRedisCommandExecutor() });
  const clients = new Set<Socket>();
  resp.server.on('connection', (socket) => {
    clients.add(socket);
    socket.once('close', () => clients.delete(socket));
  });
  resp.server.listen(port, '127.0.0.1');
  await once(resp.server, 'listening');
  return {
    url: `redis://:${password}@127.0.0.1:${port}`,
    what: 'the substitute',
    substitute: true,
    port,
    stop: async () => {
      // It would wait until its clients have gone by themselves.
      for (const socket of clients) socket.destroy();
      await resp.close();
    },
  };
}

/** The server's own description of itself. */
export async function askInfo(url: string): Promise<{ name: string; version: string }> {
  const connection = redisConnection(url, 5000);
  try {
    const [reply] = await connection.send([['INFO', 'server']]);
    if (!Buffer.isBuffer(reply)) throw new Error(`Redis does not answer INFO: ${reply}`);
    return readInfo(reply.toString());
  } finally {
    connection.close();
  }
}

export function readInfo(info: string): { name: string; version: string } {
  const field = (name: string) => new RegExp(`^${name}:(.*)$`, 'm').exec(info)?.[1]?.trim();
  const valkey = field('valkey_version');
  if (valkey) return { name: 'Valkey', version: valkey };
  return { name: 'Redis', version: field('redis_version') ?? 'of unknown version' };
}
