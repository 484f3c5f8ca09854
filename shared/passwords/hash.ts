// Argon2id with OWASP's parameters. One hash takes some 20 ms of a core and 7 MiB, so few hashes run at once and few
// requests wait.

import { randomBytes } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { Problem } from '../platform/http/problem.ts';

/**
 * OWASP's Password Storage Cheat Sheet has five settings that trade memory for passes and defend equally well. This one
 * needs the least memory, which a fresh process gets page by page: its first hash takes 24 ms here, against 35 ms with
 * 19 MiB and two passes. A stored hash with other parameters is renewed at the next login.
 */
const MEMORY_KIB = 7_168;
const PASSES = 5;
const LANES = 1;
const PARAMETERS = { memoryCost: MEMORY_KIB, timeCost: PASSES, parallelism: LANES };

/** libuv has four threads for everything, including DNS and signing. One stays free. */
const AT_ONCE = Math.max(1, Math.min(3, availableParallelism()));
/** A request that would wait longer than about a second is refused at once. */
const MOST_WAITING = 50;

let running = 0;
const waiting: (() => void)[] = [];

/** The native module is loaded with the first password, or earlier by a request that waits anyway. */
const library = () => import('argon2');

/** Loads the native module. The password that needs it handles a failure. */
export async function prepareHashing(): Promise<void> {
  await library().catch(() => undefined);
}

/** Returns the hash to store, in PHC form. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(16);
  const hash = await inTurn((argon2) =>
    argon2.hash(normalise(password), { ...PARAMETERS, type: argon2.argon2id, salt, raw: true }),
  );
  return inPhcForm(salt, hash);
}

/**
 * Returns whether the password belongs to the stored hash. Without a hash (the name is unknown, or its user cannot log
 * in) it verifies against DUMMY_HASH, so that the time tells nothing.
 */
export async function verifyPassword(stored: string | undefined, password: string): Promise<boolean> {
  const hash = stored?.startsWith('$argon2') ? stored : undefined;
  const matches = await inTurn((argon2) => argon2.verify(hash ?? DUMMY_HASH, normalise(password)));
  return matches && hash !== undefined;
}

/** Returns whether the hash has other parameters than today's. */
export async function needsRehash(stored: string): Promise<boolean> {
  const { default: argon2 } = await library();
  return argon2.needsRehash(stored, PARAMETERS) || !stored.startsWith('$argon2id$');
}

/** A hash that no known password has. Verifying against it takes as long as against a real one. */
const DUMMY_HASH = inPhcForm(Buffer.alloc(16), Buffer.alloc(32));

/**
 * Writes the parameters in the order of the reference implementation. The library writes another order, which the
 * reference refuses.
 */
function inPhcForm(salt: Buffer, hash: Buffer): string {
  const base64 = (bytes: Buffer) => bytes.toString('base64').replace(/=+$/, '');
  return `$argon2id$v=19$m=${MEMORY_KIB},t=${PASSES},p=${LANES}$${base64(salt)}$${base64(hash)}`;
}

/** Normalises characters that look the same, as NIST SP 800-63B asks, because keyboards compose accents differently. */
function normalise(password: string): string {
  return password.normalize('NFKC');
}

type Argon2 = typeof import('argon2');

async function inTurn<Result>(work: (argon2: Argon2) => Promise<Result>): Promise<Result> {
  if (running >= AT_ONCE) {
    if (waiting.length >= MOST_WAITING) throw new Problem('service_unavailable', { headers: { 'retry-after': '2' } });
    // The request that ends hands its place to a waiting one, so that a newer request cannot take it.
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
