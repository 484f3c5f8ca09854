// The API writes money as a decimal string with at most two decimals; the code holds it as a bigint of minor units
// (1/100). It is never a JavaScript number.

/** The currency of every wallet. */
export const CURRENCY = 'IDR';

/** The largest amount that `numeric(15,2)` of people's accounts holds: 9,999,999,999,999.99. */
export const LARGEST_AMOUNT = 999_999_999_999_999n;

/** The decimal strings that the API takes: no sign, no exponent, no leading zeros, at most 13 digits and 2 decimals. */
export const AMOUNT_PATTERN = /^(?:0|[1-9]\d{0,12})(?:\.\d{1,2})?$/;

declare const brand: unique symbol;

/** An amount of money in minor units. The brand keeps other bigints, such as counts, from passing as money. */
export type Money = bigint & { readonly [brand]: 'Money' };

/** Brands the result of a calculation with amounts. */
export function money(minor: bigint): Money {
  return minor as Money;
}

/**
 * Returns the minor units of a decimal string such as `"150000.00"`, `"150000"` or the database's `"-12.50"`. Throws on
 * anything else.
 */
export function parseAmount(text: string): Money {
  const match = /^(-?)(\d+)(?:\.(\d{1,2}))?$/.exec(text);
  if (!match) throw new TypeError('not a decimal amount with at most two decimals');
  const minor = BigInt(match[2] + (match[3] ?? '').padEnd(2, '0'));
  return money(match[1] ? -minor : minor);
}

/** Writes `15000000n` as `"150000.00"`. */
export function formatAmount(minor: bigint): string {
  const digits = (minor < 0n ? -minor : minor).toString().padStart(3, '0');
  return `${minor < 0n ? '-' : ''}${digits.slice(0, -2)}.${digits.slice(-2)}`;
}
