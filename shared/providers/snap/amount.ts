// SNAP writes money as `{"value":"150000.00","currency":"IDR"}`: a string with exactly two decimals.

import * as v from 'valibot';
import { formatAmount, parseAmount } from '../../money.ts';

export interface SnapAmount {
  value: string;
  currency: string;
}

export function snapAmount(minor: bigint, currency: string): SnapAmount {
  return { value: formatAmount(minor), currency };
}

/** Reads providers' amounts. Some leave the decimals out, which must not lose a payment. */
export const SnapAmountSchema = v.pipe(
  v.object({
    value: v.pipe(v.string(), v.regex(/^\d{1,16}(?:\.\d{1,2})?$/)),
    currency: v.pipe(v.string(), v.regex(/^[A-Z]{3}$/)),
  }),
  v.transform(({ value, currency }) => ({ amount: parseAmount(value), currency })),
);
