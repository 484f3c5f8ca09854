// The filters of regulators' transactions, the same for pages and exports: the schema and the SQL of each.

import * as v from 'valibot';
import { formatAmount, type Money } from '../money.ts';
import { type Clauses, conditionsOf } from '../platform/database/filters.ts';
import { rangeEntries } from '../platform/http/time.ts';
import { paymentMethodSchema } from '../providers/providers.ts';
import { amountSchema } from '../wallet/request.ts';

/** Cursors and SQL take amounts as decimal strings. */
const asText = v.transform((amount: Money) => formatAmount(amount));

/** The entries of a query's schema. Use them with `rangeInOrder`. */
export const filterEntries = {
  ...rangeEntries('Created'),
  type: v.optional(v.picklist(['TOPUP', 'PAYMENT', 'REFUND', 'TRANSFER'])),
  status: v.optional(v.picklist(['PENDING', 'SUCCESS', 'FAILED', 'CANCELLED'])),
  payment_method: v.optional(paymentMethodSchema),
  amount_from: v.optional(v.pipe(amountSchema, v.description('At least this much, a decimal string.'), asText)),
  amount_to: v.optional(v.pipe(amountSchema, v.description('At most this much, a decimal string.'), asText)),
};

export type Filters = { [Name in keyof typeof filterEntries]?: v.InferOutput<(typeof filterEntries)[Name]> };

// Ids are times since 1970. An earlier time is taken as 1970, since every leg is younger.
const firstIdOf = (place: string) => `uuidv7_from(greatest(${place}::timestamptz, timestamptz 'epoch'))`;

const CLAUSES: Clauses<Filters> = {
  from: (place) => `leg.id >= ${firstIdOf(place)}`,
  to: (place) => `leg.id < ${firstIdOf(place)}`,
  type: (place) => `leg.transaction_type = ${place}`,
  status: (place) => `leg.transaction_status = ${place}`,
  payment_method: (place) => `leg.payment_method = ${place}`,
  amount_from: (place) => `leg.amount >= ${place}::numeric`,
  amount_to: (place) => `leg.amount <= ${place}::numeric`,
};

/**
 * Predicates for finding the legs by an index, in the order of their ids. Any other filter would read an unbounded
 * number of legs for a page.
 */
export function toRead(filters: Filters, values: unknown[]): string[] {
  return conditionsOf(CLAUSES, foundByIndex(filters), values);
}

/** Predicates for the legs to return, among those that were read. */
export function toShow(filters: Filters, values: unknown[]): string[] {
  return ['leg.is_accessible_external', ...conditionsOf(CLAUSES, filters, values)];
}

/**
 * The time, and at most one rare value: the primary key, or an index of rare legs (0020), finds these legs in the order
 * of their ids.
 */
function foundByIndex({ from, to, type, status, payment_method }: Filters): Filters {
  if (status !== undefined && status !== 'SUCCESS') return { from, to, status };
  if (payment_method !== undefined) return { from, to, payment_method };
  return type === 'REFUND' ? { from, to, type } : { from, to };
}
