// X-EXTERNAL-ID: digits, at most 36, unique per partner and day.

import { createHash, randomBytes } from 'node:crypto';

const DIGITS = 32;

/** For a call that asks, or that may be repeated freely. */
export function randomExternalId(): string {
  return digits(randomBytes(16));
}

/**
 * For the n-th request of a payment. It is derived from the payment's reference, so that a lost request can be inquired
 * about later without storing its id. Repeating an id is safe in both readings of the standard: Midtrans takes it for
 * the same request, other providers answer Conflict and the next id is used.
 */
export function paymentExternalId(reference: string, sending: number): string {
  return digits(createHash('sha256').update(`${reference}#${sending}`).digest());
}

function digits(bytes: Buffer): string {
  return BigInt(`0x${bytes.toString('hex')}`)
    .toString()
    .padStart(DIGITS, '0')
    .slice(-DIGITS);
}
