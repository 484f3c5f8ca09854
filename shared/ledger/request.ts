// What requests about money have in common: the schemas of an amount, a payee, a note.

import * as v from 'valibot';
import { AMOUNT_PATTERN, formatAmount, parseAmount } from '../money.ts';

/** A positive decimal string; `"10"` becomes `"10.00"`, so that the same amount is the same request. */
export const amountSchema = v.pipe(
  v.string(),
  v.regex(
    AMOUNT_PATTERN,
    'must be a decimal string such as "150000.00": digits, at most two decimals, no sign, no exponent',
  ),
  v.regex(/[1-9]/, 'must be more than zero'),
  v.transform((text) => formatAmount(parseAmount(text))),
  v.description('A decimal string with at most two decimals, more than zero, at most 9999999999999.99.'),
  v.examples(['150000.00']),
);

const ACCOUNT_ID = /^[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}$/;

/** Somebody's wallet, by one of its two names. */
export const payeeSchema = v.pipe(
  v.strictObject({
    username: v.optional(
      v.pipe(
        v.string(),
        v.trim(),
        v.toLowerCase(),
        v.minLength(3, 'must have 3 characters'),
        v.maxLength(30, 'must have at most 30 characters'),
      ),
    ),
    account_id: v.optional(v.pipe(v.string(), v.regex(ACCOUNT_ID, 'must be an account id (a UUID)'), v.toLowerCase())),
  }),
  v.check(
    ({ username, account_id }) => (username === undefined) !== (account_id === undefined),
    'must have either username or account_id',
  ),
  v.title('Payee'),
  v.examples([{ username: 'warung_sari' }]),
);

export const descriptionSchema = v.pipe(v.string(), v.maxLength(255, 'must have at most 255 characters'));
export const referenceSchema = v.pipe(
  v.string(),
  v.minLength(1, 'must not be empty'),
  v.maxLength(255, 'must have at most 255 characters'),
  v.description("The merchant's own reference; transactions can be found by it."),
  v.examples(['INV-2026-0815']),
);

/** The merchant's own notes: at most 20, names up to 40 and values up to 500 characters. In one order, so that equal is equal. */
export const metadataSchema = v.pipe(
  v.record(
    v.pipe(
      v.string(),
      v.minLength(1, 'must have a name'),
      v.maxLength(40, 'must have a name of at most 40 characters'),
    ),
    v.pipe(v.string(), v.maxLength(500, 'must have at most 500 characters')),
  ),
  v.maxEntries(20, 'must have at most 20 entries'),
  v.transform((notes) => Object.fromEntries(Object.entries(notes).sort(([a], [b]) => (a < b ? -1 : 1)))),
);
