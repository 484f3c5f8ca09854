// What a regulator may ask transactions for, the same in pages and in exports: how each filter is written, and what it is in SQL.

import * as v from 'valibot';
import { formatAmount, type Money } from '../money.ts';
import { type Clauses, conditionsOf } from '../platform/database/filters.ts';
import { rangeEntries } from '../platform/http/time.ts';
import { paymentMethodSchema } from '../providers/providers.ts';
import { amountSchema } from '../wallet/request.ts';

/** Cursors and SQL know amounts as they are written. */
const asText = v.transform((amount: Money) => formatAmount(amount));

/** Entries of a query; `rangeInOrder` belongs to them. */
export const filterEntries = {
  ...rangeEntries('Created'),
  type: v.optional(v.picklist(['TOPUP', 'PAYMENT', 'REFUND', 'TRANSFER'])),
  status: v.optional(v.picklist(['PENDING', 'SUCCESS', 'FAILED', 'CANCELLED'])),
  payment_method: v.optional(paymentMethodSchema),
  amount_from: v.optional(v.pipe(amountSchema, v.description('At least this much, a decimal string.'), asText)),
  amount_to: v.optional(v.pipe(amountSchema, v.description('At most this much, a decimal string.'), asText)),
};

export type Filters = { [Name in keyof typeof filterEntries]?: v.InferOutput<(typeof filterEntries)[Name]> };

// Ids are times since 1970, and this is a search: what is older than every leg is the same as 1970.
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

/** Conditions by which the legs to read are found, in the order of their ids. The others would have an unknown number of legs read for a page. */
export function toRead(filters: Filters, values: unknown[]): string[] {
  return conditionsOf(CLAUSES, foundByIndex(filters), values);
}

/** Conditions for the legs to show, of those that were read. */
export function toShow(filters: Filters, values: unknown[]): string[] {
  return ['leg.is_accessible_external', ...conditionsOf(CLAUSES, filters, values)];
}

/** The time, and one thing that is rare: legs in order of their ids are found by the primary key, or by the indexes of rare legs (0020). */
function foundByIndex({ from, to, type, status, payment_method }: Filters): Filters {
  if (status !== undefined && status !== 'SUCCESS') return { from, to, status };
  if (payment_method !== undefined) return { from, to, payment_method };
  return type === 'REFUND' ? { from, to, type } : { from, to };
}
