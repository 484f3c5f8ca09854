// Money is a decimal string with at most two decimals outside and a bigint of minor units (1/100) inside; never a JavaScript number.

/** The currency of every wallet. */
export const CURRENCY = 'IDR';

/** What `numeric(15,2)` of the people's accounts holds: 9,999,999,999,999.99. */
export const LARGEST_AMOUNT = 999_999_999_999_999n;

/** A decimal string as the API takes it: no sign, no exponent, no leading zeros, at most 13 digits and 2 decimals. */
export const AMOUNT_PATTERN = /^(?:0|[1-9]\d{0,12})(?:\.\d{1,2})?$/;

declare const brand: unique symbol;

/** An amount of money, in minor units: a bigint that nothing else which is counted can be taken for. */
export type Money = bigint & { readonly [brand]: 'Money' };

/** For what was reckoned from amounts. */
export function money(minor: bigint): Money {
  return minor as Money;
}

/** Minor units of a decimal string such as `"150000.00"`, `"150000"` or the database's `"-12.50"`. Throws on anything else. */
export function parseAmount(text: string): Money {
  const match = /^(-?)(\d+)(?:\.(\d{1,2}))?$/.exec(text);
  if (!match) throw new TypeError('not a decimal amount with at most two decimals');
  const minor = BigInt(match[2] + (match[3] ?? '').padEnd(2, '0'));
  return money(match[1] ? -minor : minor);
}

/** `15000000n` as `"150000.00"`. */
export function formatAmount(minor: bigint): string {
  const digits = (minor < 0n ? -minor : minor).toString().padStart(3, '0');
  return `${minor < 0n ? '-' : ''}${digits.slice(0, -2)}.${digits.slice(-2)}`;
}
