// The schemas that requests about money share: an amount, a payee, a note.

import * as v from 'valibot';
import type { Particulars } from '../ledger/rules/words.ts';
import { AMOUNT_PATTERN, CURRENCY, type Money, parseAmount } from '../money.ts';
import { everyName } from '../platform/http/every-name.ts';
import { maxCharacters, minCharacters, visible } from '../platform/http/text.ts';
import { spellPhone } from '../sessions/identifier.ts';

/** A positive decimal string. Parsed here into money, and formatted again only in answers, events and SQL. */
export const amountSchema = v.pipe(
  v.string(),
  v.regex(
    AMOUNT_PATTERN,
    'must be a decimal string such as "150000.00": digits, at most two decimals, no sign, no exponent',
  ),
  v.regex(/[1-9]/, 'must be more than zero'),
  v.description('A decimal string with at most two decimals, more than zero, at most 9999999999999.99.'),
  v.examples(['150000.00']),
  v.transform(parseAmount),
);

const ACCOUNT_ID = /^[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}$/;

const NOT_A_PHONE = 'must be a phone number such as +6281234567890 or 081234567890';

export const usernameSchema = v.pipe(v.string(), visible, v.toLowerCase(), minCharacters(3), maxCharacters(30));

/** Normalised, so that two spellings of a number are the same request. payeeOf checks that the number exists. */
export const phoneSchema = v.pipe(
  v.string(),
  visible,
  v.check((written) => spellPhone(written) !== undefined, NOT_A_PHONE),
  v.transform((written) => spellPhone(written) ?? ''),
  v.description(
    'With its country code (+62...), or an Indonesian number as dialled in Indonesia (08...). It names the person ' +
      'who has proven it.',
  ),
);

/** A wallet, by one of its three names. */
export const payeeSchema = v.pipe(
  v.strictObject({
    username: v.optional(usernameSchema),
    account_id: v.optional(v.pipe(v.string(), v.regex(ACCOUNT_ID, 'must be an account id (a UUID)'), v.toLowerCase())),
    phone: v.optional(phoneSchema),
  }),
  v.check(
    (names) => Object.values(names).filter((name) => name !== undefined).length === 1,
    'must have exactly one of username, account_id and phone',
  ),
  v.title('Payee'),
  v.examples([{ username: 'warung_sari' }]),
);

export const descriptionSchema = v.pipe(v.string(), maxCharacters(255));
export const referenceSchema = v.pipe(
  v.string(),
  minCharacters(1),
  maxCharacters(255),
  v.description("The merchant's own reference; transactions can be found by it."),
  v.examples(['INV-2026-0815']),
);

/**
 * The merchant's own notes: at most 20, names up to 40 and values up to 500 characters. Sorted, so that equal notes are
 * equal text.
 */
export const metadataSchema = v.pipe(
  everyName(
    v.pipe(
      v.string(),
      minCharacters(1, 'must have a name'),
      maxCharacters(40, 'must have a name of at most 40 characters'),
    ),
    v.pipe(v.string(), maxCharacters(500)),
  ),
  v.maxEntries(20, 'must have at most 20 entries'),
  v.transform((notes) => Object.fromEntries(Object.entries(notes).sort(([a], [b]) => (a < b ? -1 : 1)))),
);

/** The particulars of the legs, from the body of a request. */
export function particularsFrom(body: {
  amount: Money;
  reference?: string | undefined;
  description?: string | undefined;
  metadata?: Record<string, string> | undefined;
}): Omit<Particulars, 'type'> {
  const { amount, reference, description, metadata } = body;
  return {
    amount,
    currency: CURRENCY,
    ...(description !== undefined && { description }),
    ...(reference !== undefined && { externalReference: reference }),
    ...(metadata !== undefined && { metadata: JSON.stringify(metadata) }),
  };
}
