// Ids of operations and legs. An operation's id is a uuidv7 whose last hex digit is 0. Its legs have the same id with
// their place as last digit, so that one range of the primary key holds the whole operation and ids grow with time.

import { randomFillSync } from 'node:crypto';
import { v7 } from 'uuid';

export const DEBIT_PLACE = 1;
export const CREDIT_PLACE = 2;
/** The place of a suspense account's credit: it takes a provider's payment that cannot go to the wallet. */
export const SUSPENSE_PLACE = 3;

export function newOperationId(): string {
  return `${v7({ rng: random16 }).slice(0, 35)}0`;
}

// Random bytes are fetched in larger pieces. Fetching 16 bytes at a time takes as long as all of validation.
const pool = new Uint8Array(4096);
let used = pool.length;

function random16(): Uint8Array {
  if (used === pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  used += 16;
  return pool.subarray(used - 16, used);
}

export function legId(operationId: string, place: number): string {
  return operationId.slice(0, 35) + place.toString(16);
}

export function operationOf(id: string): string {
  return `${id.slice(0, 35)}0`;
}

/** The highest id that a leg of the operation can have. */
export function lastLegId(operationId: string): string {
  return `${operationId.slice(0, 35)}f`;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const QUOTED = /^(?:TOP|PAY|REF|TRF)-([0-9A-F]{8})([0-9A-F]{4})(7[0-9A-F]{3})([0-9A-F]{4})([0-9A-F]{12})$/;
const PREFIX = { TOPUP: 'TOP', PAYMENT: 'PAY', REFUND: 'REF', TRANSFER: 'TRF' } as const;

/** The id that people quote: `PAY-01A192E7...`. The database derives it in the same way. */
export function transactionId(type: keyof typeof PREFIX, id: string): string {
  return `${PREFIX[type]}-${id.replaceAll('-', '').toUpperCase()}`;
}

/**
 * The uuid in any of a transaction's three names (a leg's id, its transaction_id, the operation_id). Undefined if
 * `text` is none.
 */
export function parseTransactionName(text: string): string | undefined {
  const lower = text.toLowerCase();
  if (UUID.test(lower)) return lower;
  const quoted = QUOTED.exec(text.toUpperCase());
  return quoted?.slice(1).join('-').toLowerCase();
}
