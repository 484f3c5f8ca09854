// API keys of those who look in from outside. A key is shown once; what is kept are two digests of it, ours and the gateway's. It is
// random (190 bits), so that one round of a hash is enough and a found digest opens nothing.

import { createHash, randomInt } from 'node:crypto';
import { crc32 } from 'node:zlib';

const PREFIX = 'ogk_live_';
const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const RANDOM_LENGTH = 32;
const CHECK_LENGTH = 6;
const FORM = /^ogk_live_[0-9A-Za-z]{38}$/;

/** What is kept of a key. */
export interface KeptKey {
  /** SHA-256. */
  hash: Buffer;
  /** What the gateway finds it by (kong.yaml, digest-the-api-key), as hex. */
  gatewayDigest: string;
  /** For people who have several: `ogk_live_3fK9…Q2x0`. */
  hint: string;
}

/** `ogk_live_`, 32 random characters, and six that are their check: a slip of the pen is found out before anybody is asked. */
export function newApiKey(): string {
  const random = Array.from({ length: RANDOM_LENGTH }, () => DIGITS[randomInt(DIGITS.length)]).join('');
  return withCheck(PREFIX + random);
}

/** Whether it has the form of a key, its check digits included. */
export function isApiKey(text: string): boolean {
  return FORM.test(text) && withCheck(text.slice(0, -CHECK_LENGTH)) === text;
}

export function keptOf(key: string): KeptKey {
  return {
    hash: hashOf(key),
    gatewayDigest: createHash('sha1').update(`one-gate-kong:${key}`).digest('hex'),
    hint: `${key.slice(0, PREFIX.length + 4)}…${key.slice(-4)}`,
  };
}

export function hashOf(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}

/** CRC-32 of what comes before, in base 62: found by secret scanners without asking us, too. */
function withCheck(body: string): string {
  let rest = crc32(body);
  let check = '';
  for (let place = 0; place < CHECK_LENGTH; place++) {
    check = DIGITS[rest % DIGITS.length] + check;
    rest = Math.floor(rest / DIGITS.length);
  }
  return body + check;
}
