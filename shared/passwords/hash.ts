// Argon2id at OWASP's parameters. One hash takes some 20 ms of a core and 7 MiB, so that few run at once and few wait.

import { randomBytes } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { Problem } from '../platform/http/problem.ts';

/**
 * OWASP's Password Storage Cheat Sheet has five settings that trade memory for passes and defend equally well. This is the one with the
 * least memory, which a fresh process gets page by page: its first hash takes 24 ms here, with 19 MiB and two passes 35. A stored hash
 * with other parameters is renewed at the next login.
 */
const MEMORY_KIB = 7_168;
const PASSES = 5;
const LANES = 1;
const PARAMETERS = { memoryCost: MEMORY_KIB, timeCost: PASSES, parallelism: LANES };

/** libuv has four threads for everything (names are resolved and tokens are signed there too): one stays free. */
const AT_ONCE = Math.max(1, Math.min(3, availableParallelism()));
/** Whoever would wait for more than about a second is better told at once. */
const MOST_WAITING = 50;

let running = 0;
const waiting: (() => void)[] = [];

/** The native module is loaded with the first password, or before it by whoever waits for something else anyway. */
const library = () => import('argon2');

/** Loads what hashes. A failure is for the password that needs it. */
export async function prepareHashing(): Promise<void> {
  await library().catch(() => undefined);
}

/** The hash to store, in PHC form. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(16);
  const hash = await inTurn((argon2) =>
    argon2.hash(normalise(password), { ...PARAMETERS, type: argon2.argon2id, salt, raw: true }),
  );
  return inPhcForm(salt, hash);
}

/**
 * Whether the password belongs to the stored hash. Without a hash (nobody has that name, or whoever has it cannot log in) the same
 * work is done for nothing, so that time tells nothing.
 */
export async function verifyPassword(stored: string | undefined, password: string): Promise<boolean> {
  const hash = stored?.startsWith('$argon2') ? stored : undefined;
  const matches = await inTurn((argon2) => argon2.verify(hash ?? HASH_OF_NOBODY, normalise(password)));
  return matches && hash !== undefined;
}

/** Whether the hash was made with other parameters than today's. */
export async function needsRehash(stored: string): Promise<boolean> {
  const { default: argon2 } = await library();
  return argon2.needsRehash(stored, PARAMETERS) || !stored.startsWith('$argon2id$');
}

/** A hash that no known password has: the work of verifying against it is that of a real one. */
const HASH_OF_NOBODY = inPhcForm(Buffer.alloc(16), Buffer.alloc(32));

/** The text as the reference implementation reads it; the library's own has the parameters in another order, which it refuses. */
function inPhcForm(salt: Buffer, hash: Buffer): string {
  const base64 = (bytes: Buffer) => bytes.toString('base64').replace(/=+$/, '');
  return `$argon2id$v=19$m=${MEMORY_KIB},t=${PASSES},p=${LANES}$${base64(salt)}$${base64(hash)}`;
}

/** One spelling of what looks the same, as NIST SP 800-63B asks: keyboards differ in how they compose accents. */
function normalise(password: string): string {
  return password.normalize('NFKC');
}

type Argon2 = typeof import('argon2');

async function inTurn<Result>(work: (argon2: Argon2) => Promise<Result>): Promise<Result> {
  if (running >= AT_ONCE) {
    if (waiting.length >= MOST_WAITING) throw new Problem('service_unavailable', { headers: { 'retry-after': '2' } });
    // Whoever ends hands its place over, so that nobody who comes later slips in.
    await new Promise<void>((resolve) => waiting.push(resolve));
  } else {
    running += 1;
  }
  try {
    const { default: argon2 } = await library();
    return await work(argon2);
  } finally {
    const next = waiting.shift();
    if (next) next();
    else running -= 1;
  }
}
