import { join } from 'node:path';
import pg from 'pg';
import type { DataDirectory } from './data-directory.ts';
import { onFreePorts } from './free-port.ts';
import { startGuarded, stopLeftOver, waitUntilReady } from './guarded-process.ts';
import { postgresBinaries, unprivileged } from './postgres-binaries.ts';
import { initialise, placeOfData, recordOrphan } from './postgres-cluster.ts';

export type PostgresPart = {
  /** "PostgreSQL 18.4, the bundled binaries": the description that the server itself gives. */
  readonly description: string;
  readonly version: string;
  /** The superuser's address of the database `postgres`. Holds a password: never print it. */
  readonly adminUrl: string;
  /** host:port, to print. */
  readonly address: string;
  readonly port: number;
  /** Undefined when the server is not ours. */
  readonly pid: number | undefined;
  /** Resolves with a description when our server has ended, asked or not. Undefined when `pid` is. */
  readonly ended: Promise<string> | undefined;
  stop(): Promise<void>;
};

export type PostgresOptions = {
  /** A server to use instead of the bundled one. */
  databaseUrl?: string | undefined;
  port?: number | undefined;
  /** Replaces or adds to the settings below, such as `{ fsync: 'off' }`. */
  settings?: Readonly<Record<string, string>> | undefined;
};

/** The oldest version that runs the migrations: `uuidv7()` came with 18. */
const leastVersion = 18;

const defaultSettings = {
  max_connections: '300',
  shared_buffers: '256MB',
  synchronous_commit: 'on',
  // Full-page images after a checkpoint are most of what a payment writes.
  wal_compression: 'on',
  max_wal_size: '2GB',
  checkpoint_timeout: '15min',
  password_encryption: 'scram-sha-256',
  timezone: 'UTC',
  log_timezone: 'UTC',
  // Short statements only: compiling them costs more than it gains.
  jit: 'off',
  // A statement's text may hold personal data, which must not reach the log.
  log_min_error_statement: 'panic',
};

const settingsOfPort = (port: number) => ({
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  port: String(port),
});

/** Starts PostgreSQL, or connects to the given one. Throws one sentence that says what to do. */
export async function startPostgres(data: DataDirectory, options: PostgresOptions = {}): Promise<PostgresPart> {
  if (options.databaseUrl) return external(options.databaseUrl);
  const user = process.getuid?.() === 0 ? unprivileged : undefined;
  const binaries = await postgresBinaries(user);
  const place = await placeOfData(data.path, user);
  const recordFile = join(data.path, 'postgres.process');
  await recordOrphan(join(place, 'cluster'), recordFile);
  await stopLeftOver(recordFile, 'SIGINT', 20);
  const cluster = await initialise(place, binaries, data.secrets.postgres, user);
  return onFreePorts([options.port ?? data.ports['postgres']], async (port = 0) => {
    const settings = { ...defaultSettings, ...options.settings, ...settingsOfPort(port) };
    const server = await startGuarded({
      name: 'PostgreSQL',
      command: join(binaries, 'bin', 'postgres'),
      args: ['-D', cluster, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])],
      directory: cluster,
      logFile: join(data.path, 'logs', 'postgres.log'),
      recordFile,
      // Fast shutdown. SIGTERM would wait until every client has gone.
      stopSignal: 'INT',
      stopSeconds: 20,
      user,
    });
    const adminUrl = `postgres://postgres:${data.secrets.postgres}@127.0.0.1:${port}/postgres`;
    const answer = await waitUntilReady(server, () => ask(adminUrl), 60);
    if ('refused' in answer) {
      await server.stop();
      throw new Error(
        `The data in ${cluster} were made with another password than the one in ${data.path}/secrets.json: ` +
          'put that file back, or remove the data directory to start empty.',
      );
    }
    return {
      description: `PostgreSQL ${answer.version}, the bundled binaries`,
      version: answer.version,
      adminUrl,
      address: `127.0.0.1:${port}`,
      port,
      pid: server.pid,
      ended: server.ended,
      stop: server.stop,
    };
  });
}

/** The address of another database and role on the same server. */
export function databaseUrl(adminUrl: string, database: string, role?: { user: string; password: string }): string {
  const url = new URL(adminUrl);
  url.pathname = `/${encodeURIComponent(database)}`;
  if (role) {
    url.username = encodeURIComponent(role.user);
    url.password = encodeURIComponent(role.password);
  }
  return url.href;
}

async function external(url: string): Promise<PostgresPart> {
  const { host, port } = new URL(url);
  const answer = await ask(url).catch((error: Error) => ({ refused: error.message }));
  if ('refused' in answer) {
    throw new Error(`The PostgreSQL of DATABASE_URL at ${host} cannot be used: ${answer.refused}.`);
  }
  const { version } = answer;
  if (Number.parseInt(version, 10) < leastVersion) {
    throw new Error(`The PostgreSQL of DATABASE_URL at ${host} is ${version}; ${leastVersion} or later is needed.`);
  }
  return {
    description: `PostgreSQL ${version}, the one of DATABASE_URL`,
    version,
    adminUrl: url,
    address: host,
    port: Number(port || 5432),
    pid: undefined,
    ended: undefined,
    stop: async () => undefined,
  };
}

/** The server's version. Fails at once when it refuses our password, since waiting does not help. */
async function ask(url: string): Promise<{ version: string } | { refused: string }> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5000, query_timeout: 5000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    const { rows } = await client.query<{ server_version: string }>('show server_version');
    return { version: rows[0]?.server_version.split(' ')[0] ?? '' };
  } catch (error) {
    if ((error as { code?: string }).code === '28P01') return { refused: (error as Error).message };
    throw error;
  } finally {
    await client.end().catch(() => undefined);
  }
}
