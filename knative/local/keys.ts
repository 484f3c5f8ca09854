// Keys of the local platform: made once, kept in the data directory, readable by their owner alone. On a cluster
// External Secrets brings them.

import { generateKeyPair, randomBytes, randomUUID } from 'node:crypto';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const makeKeyPair = promisify(generateKeyPair);

export interface Keys {
  /** JWK set with private keys; each key signs from its `signs_from` on. */
  tokenSigning: string;
  /** The same keys, public members only. */
  tokenPublic: string;
  /** The same two sets for receipts. */
  receiptSigning: string;
  receiptPublic: string;
}

export async function keysOf(dataDirectory: string): Promise<Keys> {
  const file = join(dataDirectory, 'keys.json');
  const kept = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  const before: Partial<Keys> = kept === undefined ? {} : JSON.parse(kept);
  if (isComplete(before)) return before;
  // Keeps the keys that exist; a directory of an older version lacks some.
  const keys = { ...(await makeKeys()), ...before };
  // Writes the file whole or not at all.
  await writeFile(`${file}.new`, JSON.stringify(keys, null, 2), { mode: 0o600 });
  await rename(`${file}.new`, file);
  return keys;
}

function isComplete(keys: Partial<Keys>): keys is Keys {
  return keys.tokenSigning !== undefined && keys.receiptSigning !== undefined;
}

async function makeKeys(): Promise<Keys> {
  const [token, receipt] = await Promise.all([makeSigningKey(), makeSigningKey()]);
  return {
    tokenSigning: token.signing,
    tokenPublic: token.published,
    receiptSigning: receipt.signing,
    receiptPublic: receipt.published,
  };
}

/** A secret by which a sender proves itself to functions. */
export function makeProof(): string {
  return randomBytes(32).toString('base64url');
}

/** A JWK set with one new key that signs from now on, and the same with its public half alone. */
export async function makeSigningKey(): Promise<{ signing: string; published: string }> {
  const { privateKey, publicKey } = await makeKeyPair('ed25519', undefined);
  const about = { kid: randomUUID(), alg: 'EdDSA', use: 'sig' };
  const signing = { ...privateKey.export({ format: 'jwk' }), ...about, signs_from: new Date().toISOString() };
  return {
    signing: JSON.stringify({ keys: [signing] }),
    published: JSON.stringify({ keys: [{ ...publicKey.export({ format: 'jwk' }), ...about }] }),
  };
}
