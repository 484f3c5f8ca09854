// Pages of a list: a limit, and a cursor that clients cannot read.

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
  v.pipe(
    v.string(),
    maxCharacters(3000, 'must be a next_cursor'),
    v.description('`next_cursor` of the previous page.'),
  ),
);

/** The order of a list, from the top down, and the form of a position in it. */
export interface Order {
  /** A position above every item. */
  top: string;
  /** Whether the database accepts the position. */
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

/**
 * The position below which a page begins. Throws `invalid_cursor` if the cursor is not ours or belongs to other
 * filters.
 */
export function startOf(cursor: string | undefined, filters: unknown, order: Order): string {
  if (cursor === undefined) return order.top;
  const [position = ''] = Buffer.from(cursor, 'base64url').toString('latin1').split('.');
  // Encoding the position again must give the same cursor, so that a changed one is refused.
  if (!order.isPosition(position) || encodeCursor(position, filters) !== cursor) throw new Problem('invalid_cursor');
  return position;
}

/** The cursor of the next page. It includes the filters, so that it cannot continue with other ones. */
export function encodeCursor(position: string, filters: unknown): string {
  return Buffer.from(`${position}.${fingerprint(filters)}`).toString('base64url');
}

function fingerprint(filters: unknown): string {
  return createHash('sha256').update(JSON.stringify(filters)).digest('base64url').slice(0, 8);
}
