// X-EXTERNAL-ID: digits, at most 36, unique per partner and day.

import { createHash, randomBytes } from 'node:crypto';

const DIGITS = 32;

/** Of a call that asks or that may be repeated freely. */
export function randomExternalId(): string {
  return digits(randomBytes(16));
}

/**
 * Of the n-th sending of a payment, derived from its reference: who knows the reference can later ask for the payment by the id of
 * the sending whose answer was lost, without having stored it. Sending again under the same id is safe with both readings of the
 * standard: Midtrans takes it for the same request, others answer Conflict and the next id is used.
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
