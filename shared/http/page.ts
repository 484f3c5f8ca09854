// Pages of a list: a limit, and a cursor that only we can read.

import { createHash } from 'node:crypto';
import * as v from 'valibot';
import { Problem } from './problem.ts';

export const limitSchema = v.optional(
  v.pipe(
    v.string(),
    v.regex(/^[1-9]\d{0,2}$/, 'must be a whole number from 1 to 100'),
    v.transform(Number),
    v.minValue(1, 'must be a whole number from 1 to 100'),
    v.maxValue(100, 'must be a whole number from 1 to 100'),
    v.description('How many items a page has: 1 to 100.'),
  ),
  '20',
);

export const cursorSchema = v.optional(
  v.pipe(v.string(), v.maxLength(1000, 'must be a next_cursor'), v.description('`next_cursor` of the page before.')),
);

/** Where a page ends. It names the filters it was made with, so that it cannot be continued with others. */
export function encodeCursor(position: string, filters: unknown): string {
  return Buffer.from(`${position}.${fingerprint(filters)}`).toString('base64url');
}

/** The position in a cursor; an `invalid_cursor` Problem if it is not ours or belongs to other filters. */
export function decodeCursor(cursor: string, filters: unknown, position: RegExp): string {
  const [value = '', mark] = Buffer.from(cursor, 'base64url').toString('latin1').split('.');
  if (!position.test(value) || mark !== fingerprint(filters)) throw new Problem('invalid_cursor');
  return value;
}

function fingerprint(filters: unknown): string {
  return createHash('sha256').update(JSON.stringify(filters)).digest('base64url').slice(0, 8);
}
