import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chown, lstat, mkdir, readdir, readFile, readlink, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { record } from './guarded-process.ts';
import { reaches, sharedPlace, type User } from './postgres-binaries.ts';
import { commandOf } from './process-identity.ts';

// PostgreSQL's data: where they lie, which user owns them, and how they are made.

const run = promisify(execFile);

/**
 * Where the data lie: `<data>/postgres`, or, when the user PostgreSQL runs as cannot reach that, a place it can reach,
 * with a link to it.
 */
export async function placeOfData(dataPath: string, user: User): Promise<string> {
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

/** Removes such places whose data directory, and with it the link to them, was removed. */
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

/**
 * Makes the cluster in `place` unless it exists, and returns its directory. A half-made cluster never carries the final
 * name. Throws one sentence when there is one of another major version, or it cannot be made.
 */
export async function initialise(place: string, binaries: string, password: string, user: User): Promise<string> {
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
      // A fixed locale: with the machine's own, sorting, and with it indexes, would differ from place to place.
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

/**
 * A server that still holds the cluster without a record of ours. It must be ours: the data directory is claimed.
 * PostgreSQL's own note of the process may be older than the machine's start, so the process must name the cluster.
 */
export async function recordOrphan(cluster: string, recordFile: string): Promise<void> {
  const note = await readFile(join(cluster, 'postmaster.pid'), 'utf8').catch(() => '');
  const pid = Number(note.split('\n')[0]);
  if (pid > 0 && (await commandOf(pid)).includes(` ${cluster} `)) await record(recordFile, pid);
}
