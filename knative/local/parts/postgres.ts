import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chown, lstat, mkdir, readdir, readFile, readlink, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import type { DataDirectory } from './data-directory.ts';
import { freePort } from './free-port.ts';
import { startGuarded, stopLeftOver, waitUntilReady } from './guarded-process.ts';
import { postgresBinaries, reaches, sharedPlace, type User, unprivileged } from './postgres-binaries.ts';

const run = promisify(execFile);

export type PostgresPart = {
  /** "PostgreSQL 18.4, the bundled binaries": what runs, as the server itself says. */
  readonly description: string;
  readonly version: string;
  /** The superuser's address of the database `postgres`. Holds a password: never print it. */
  readonly adminUrl: string;
  /** host:port, to print. */
  readonly address: string;
  readonly port: number;
  /** Undefined when the server is not ours. */
  readonly pid: number | undefined;
  /** Resolves with a description when our server has ended, asked or not. Undefined as `pid` is. */
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

/** The least that runs the migrations: `uuidv7()` came with 18. */
const leastVersion = 18;

const defaultSettings = {
  max_connections: '200',
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
  // A statement's text may hold personal data, and the log is not the place for it.
  log_min_error_statement: 'panic',
};

/** Starts PostgreSQL, or connects to the one that is given. Throws one sentence that says what to do. */
export async function startPostgres(data: DataDirectory, options: PostgresOptions = {}): Promise<PostgresPart> {
  if (options.databaseUrl) return external(options.databaseUrl);
  const user = process.getuid?.() === 0 ? unprivileged : undefined;
  const binaries = await postgresBinaries(user);
  const record = join(data.path, 'postgres.process');
  await stopLeftOver(record, 'SIGINT', 20);
  const place = await placeOfData(data.path, user);
  const cluster = await initialise(place, binaries, data.secrets.postgres, user);

  const port = await freePort(options.port ?? data.ports['postgres']);
  const settings: Record<string, string> = {
    ...defaultSettings,
    ...options.settings,
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    port: String(port),
  };
  const server = await startGuarded({
    name: 'PostgreSQL',
    command: join(binaries, 'bin', 'postgres'),
    args: ['-D', cluster, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])],
    directory: cluster,
    logFile: join(data.path, 'logs', 'postgres.log'),
    recordFile: record,
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
  const { version } = answer;
  return {
    description: `PostgreSQL ${version}, the bundled binaries`,
    version,
    adminUrl,
    address: `127.0.0.1:${port}`,
    port,
    pid: server.pid,
    ended: server.ended,
    stop: server.stop,
  };
}

/** The same server, another database and role. */
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

/** The server's version, from the server; or that it refuses our password, which waiting does not mend. */
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

/**
 * Where the data lie: `<data>/postgres`, or, when the user PostgreSQL runs as cannot reach that, a place it can reach,
 * with a link to it.
 */
async function placeOfData(dataPath: string, user: User): Promise<string> {
  const wanted = join(dataPath, 'postgres');
  const linked = await readlink(wanted).catch(() => undefined);
  if (linked !== undefined) return linked;
  if ((await lstat(wanted).catch(() => undefined)) !== undefined) return wanted;
  await mkdir(wanted, { mode: 0o700 });
  if (user === undefined) return wanted;
  await chown(wanted, user.uid, user.gid);
  if (await reaches(user, wanted)) return wanted;
  await rm(wanted, { recursive: true });
  const shared = await sharedPlace();
  await removeForgotten(shared);
  const place = join(shared, `data-${createHash('sha256').update(dataPath).digest('hex').slice(0, 16)}`);
  await rm(place, { recursive: true, force: true });
  await writeFile(`${place}.linked-from`, wanted, { mode: 0o600 });
  await mkdir(place, { mode: 0o700 });
  await chown(place, user.uid, user.gid);
  await symlink(place, wanted);
  return place;
}

/** Removes places whose data directory, and with it the link to them, was removed. */
async function removeForgotten(shared: string): Promise<void> {
  for (const note of await readdir(shared)) {
    if (!note.endsWith('.linked-from')) continue;
    const place = join(shared, note.slice(0, -'.linked-from'.length));
    const link = await readlink(await readFile(join(shared, note), 'utf8')).catch(() => undefined);
    if (link === place) continue;
    await rm(place, { recursive: true, force: true });
    await rm(join(shared, note), { force: true });
  }
}

/** Makes the cluster in `place` unless it is there. A half-made one never carries the final name. */
async function initialise(place: string, binaries: string, password: string, user: User): Promise<string> {
  const cluster = join(place, 'cluster');
  const { stdout } = await run(join(binaries, 'bin', 'initdb'), ['--version'], { ...user, cwd: '/' });
  const major = /(\d+)\.\d+/.exec(stdout)?.[1];
  const present = await readFile(join(cluster, 'PG_VERSION'), 'utf8').catch(() => undefined);
  if (present !== undefined) {
    if (present.trim() === major) return cluster;
    throw new Error(
      `The data in ${cluster} are of PostgreSQL ${present.trim()}, the server is ${major}: ` +
        'move them there with pg_dump and pg_restore, or remove the directory to start empty.',
    );
  }
  for (const name of await readdir(place)) await rm(join(place, name), { recursive: true, force: true });
  const fresh = `${cluster}.new`;
  const passwordFile = join(place, 'password');
  await writeFile(passwordFile, password, { mode: 0o600 });
  if (user) await chown(passwordFile, user.uid, user.gid);
  try {
    await run(
      join(binaries, 'bin', 'initdb'),
      // A fixed locale: the machine's own would make sorting, and with it indexes, differ from place to place.
      [`--pgdata=${fresh}`, '--username=postgres', `--pwfile=${passwordFile}`, '--auth=scram-sha-256']
        .concat(['--encoding=UTF8', '--locale-provider=builtin', '--builtin-locale=C.UTF-8', '--locale=C'])
        .concat(['--no-instructions']),
      { ...user, cwd: place, env: { PATH: process.env.PATH ?? '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' } },
    );
  } catch (error) {
    const said = ((error as { stderr?: string }).stderr ?? '').trim().split('\n').at(0);
    throw new Error(`PostgreSQL could not make its data directory ${cluster}: ${said ?? (error as Error).message}.`);
  } finally {
    await rm(passwordFile, { force: true });
  }
  await rename(fresh, cluster);
  return cluster;
}
