import { createHash, randomBytes } from 'node:crypto';
import { chmod, link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type RolePasswords, SERVED_ROLES } from '../../../migrations/run.ts';
import { identityOf } from './process-identity.ts';

export type DataDirectory = {
  readonly path: string;
  /** Kept between starts, mode 0600, never printed. */
  readonly secrets: Secrets;
  /** Ports of the last start, tried again so that addresses stay the same. */
  readonly ports: Readonly<Record<string, number>>;
  /** Tells a second start the address of the running platform. */
  announce(addresses: Addresses, ports: Readonly<Record<string, number>>): Promise<void>;
  release(): Promise<void>;
};

export type Secrets = {
  postgres: string;
  roles: RolePasswords;
  redis: string;
  redisRestToken: string;
};

export type Addresses = Readonly<Record<string, string>>;

export type Owner = { pid: number; identity: string; since: string; addresses: Addresses };

/**
 * Claims the data directory for this process. Throws a sentence that names the process and its addresses when another
 * living process has it. The claim of a process that has ended is replaced.
 */
export async function claimDataDirectory(path: string): Promise<DataDirectory> {
  const directory = resolve(path);
  await mkdir(directory, { recursive: true });
  // Servers that run as another user must be able to enter the directory, but not to list it.
  await chmod(directory, process.getuid?.() === 0 ? 0o711 : 0o700);
  const file = join(directory, 'owner.json');
  const claim = await claimFile(file, {});
  if ('owner' in claim) throw new Error(inTheWay(directory, claim.owner));
  const secrets = await readSecrets(join(directory, 'secrets.json'));
  const portsFile = join(directory, 'ports.json');
  const ports = await readFile(portsFile, 'utf8').then(
    (content) => JSON.parse(content) as Record<string, number>,
    () => ({}),
  );
  return {
    path: directory,
    secrets,
    ports,
    announce: async (addresses, chosen) => {
      await claim.announce(addresses);
      await replaceFile(portsFile, JSON.stringify(chosen));
    },
    release: claim.release,
  };
}

export type Claim = { release(): Promise<void>; announce(addresses: Addresses): Promise<void> } | { owner: Owner };

/**
 * Claims a file, which one living process holds at a time. Returns the claim, or the process that holds it. The claim
 * of a process that has ended is replaced.
 */
export async function claimFile(file: string, addresses: Addresses): Promise<Claim> {
  const us: Owner = {
    pid: process.pid,
    identity: (await identityOf(process.pid)) ?? '',
    since: new Date().toISOString(),
    addresses,
  };
  const own = `${file}.${randomBytes(4).toString('hex')}`;
  await writeFile(own, JSON.stringify(us), { mode: 0o600 });
  try {
    for (let attempt = 0; attempt < 5; attempt += 1) {
      // A link appears with its content or not at all, and never replaces another one.
      if (await linked(own, file)) {
        return {
          release: () => rm(file, { force: true }),
          announce: (found) => replaceFile(file, JSON.stringify({ ...us, addresses: found }, null, 2)),
        };
      }
      const present = await read(file);
      if (present === undefined) continue;
      const owner = ownerIn(present);
      if (owner && (await isAlive(owner))) return { owner };
      // Two processes may replace the same old claim: a token for that one claim lets only one of them remove it.
      const replacement = await claimFile(replacementOf(file, present), addresses);
      if ('owner' in replacement) return replacement;
      if ((await read(file)) === present) await rm(file);
      await replacement.release();
    }
  } finally {
    await rm(own, { force: true });
  }
  throw new Error(`${file} could not be claimed: other processes keep claiming it.`);
}

/** The token of the process that removes an old claim, named by the claim's text. */
export function replacementOf(file: string, claim: string): string {
  return `${file}.after-${createHash('sha256').update(claim).digest('hex').slice(0, 16)}`;
}

async function linked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

async function isAlive(owner: Owner): Promise<boolean> {
  return (await identityOf(owner.pid)) === owner.identity;
}

function inTheWay(directory: string, owner: Owner): string {
  const addresses = Object.entries(owner.addresses).map(([name, address]) => `${name} at ${address}`);
  const doing = addresses.length > 0 ? `serves ${addresses.join(', ')}` : 'is still starting';
  return (
    `${directory} is in use by process ${owner.pid}, which has run since ${owner.since} and ${doing}: ` +
    `stop it first (kill ${owner.pid}), or choose another data directory.`
  );
}

function read(file: string): Promise<string | undefined> {
  return readFile(file, 'utf8').catch(() => undefined);
}

function ownerIn(content: string): Owner | undefined {
  try {
    return JSON.parse(content) as Owner;
  } catch {
    return undefined;
  }
}

async function readSecrets(file: string): Promise<Secrets> {
  const content = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  const secret = () => randomBytes(24).toString('base64url');
  const roles = Object.fromEntries(['migrator', ...SERVED_ROLES].map((role) => [role, secret()])) as RolePasswords;
  const kept = content === undefined ? undefined : (JSON.parse(content) as Secrets);
  // A directory that is older than a role gets a password for it, and keeps the others.
  const secrets: Secrets = kept
    ? { ...kept, roles: { ...roles, ...kept.roles } }
    : { postgres: secret(), roles, redis: secret(), redisRestToken: secret() };
  const text = JSON.stringify(secrets, null, 2);
  if (text !== content) await replaceFile(file, text);
  return secrets;
}

/** Writes a file whole or not at all, readable by us alone. */
async function replaceFile(file: string, content: string): Promise<void> {
  const fresh = `${file}.${randomBytes(4).toString('hex')}`;
  await writeFile(fresh, content, { mode: 0o600 });
  await rename(fresh, file);
}
