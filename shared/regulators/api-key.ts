// API keys of regulators. A key is shown once; the database keeps two digests of it, ours and the gateway's. A key is
// random (190 bits), so one round of a hash is enough, and a leaked digest does not reveal it.

import { createHash, randomInt } from 'node:crypto';
import { crc32 } from 'node:zlib';

const PREFIX = 'ogk_live_';
const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const RANDOM_LENGTH = 32;
const CHECK_LENGTH = 6;
const FORM = /^ogk_live_[0-9A-Za-z]{38}$/;

/** The stored form of a key. */
export interface KeptKey {
  /** SHA-256. */
  hash: Buffer;
  /** The digest that the gateway finds the key by (kong.yaml, digest-the-api-key), as hex. */
  gatewayDigest: string;
  /** Helps people to tell their keys apart: `ogk_live_3fK9…Q2x0`. */
  hint: string;
}

/** `ogk_live_`, 32 random characters, and six check digits, which reveal a typing error without a look-up. */
export function newApiKey(): string {
  const random = Array.from({ length: RANDOM_LENGTH }, () => DIGITS[randomInt(DIGITS.length)]).join('');
  return withCheck(PREFIX + random);
}

/** Whether the text has the form of a key, with the right check digits. */
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

/** Appends the CRC-32 in base 62, which secret scanners can also check without us. */
function withCheck(body: string): string {
  let rest = crc32(body);
  let check = '';
  for (let place = 0; place < CHECK_LENGTH; place++) {
    check = DIGITS[rest % DIGITS.length] + check;
    rest = Math.floor(rest / DIGITS.length);
  }
  return body + check;
}
