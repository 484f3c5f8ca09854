// Pages of a list: a limit, and a cursor that only we can read.

import { createHash } from 'node:crypto';
import * as v from 'valibot';
import { Problem } from './problem.ts';
import { maxCharacters } from './text.ts';

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
  v.pipe(v.string(), maxCharacters(1000, 'must be a next_cursor'), v.description('`next_cursor` of the page before.')),
);

/** What a list is ordered by, from the top down: how a position in it is written. */
export interface Order {
  /** A position above everything that there is. */
  top: string;
  /** Whether the database would take it. */
  isPosition(text: string): boolean;
}

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const LARGEST_BIGINT = '9223372036854775807';

export const byId: Order = {
  top: 'ffffffff-ffff-ffff-ffff-ffffffffffff',
  isPosition: (text) => UUID.test(text),
};

export const byNumber: Order = {
  top: LARGEST_BIGINT,
  isPosition: (text) => /^(?:0|[1-9]\d{0,18})$/.test(text) && BigInt(text) <= BigInt(LARGEST_BIGINT),
};

/** The position below which a page begins; an `invalid_cursor` Problem if the cursor is not ours or belongs to other filters. */
export function startOf(cursor: string | undefined, filters: unknown, order: Order): string {
  if (cursor === undefined) return order.top;
  const [position = ''] = Buffer.from(cursor, 'base64url').toString('latin1').split('.');
  // What is written anew the same way has nothing beside it.
  if (!order.isPosition(position) || encodeCursor(position, filters) !== cursor) throw new Problem('invalid_cursor');
  return position;
}

/** Where a page ends. It names the filters it was made with, so that it cannot be continued with others. */
export function encodeCursor(position: string, filters: unknown): string {
  return Buffer.from(`${position}.${fingerprint(filters)}`).toString('base64url');
}

function fingerprint(filters: unknown): string {
  return createHash('sha256').update(JSON.stringify(filters)).digest('base64url').slice(0, 8);
}
