// Cursors: foreign ones are refused, and the database can refuse none that is taken.

import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { byId, byNumber, encodeCursor, type Order, startOf } from '../../../../shared/platform/http/page.ts';
import { allTransactionsOrder, walletsOrder } from '../../../../shared/regulators/listing.ts';

const FILTERS = { type: 'PAYMENT' };
const ID = '01a192e7-6280-7abc-8def-012345678901';

function taken(position: string, order: Order): boolean {
  try {
    return startOf(encodeCursor(position, FILTERS), FILTERS, order) === position;
  } catch {
    return false;
  }
}

test('a position survives its way through a cursor', () => {
  for (const [order, position] of [
    [byId, ID],
    [byNumber, '0'],
    [byNumber, '9223372036854775807'],
    [allTransactionsOrder, `10:20:12,13/${ID}`],
    [walletsOrder, `10:20:/7/${ID}`],
    [walletsOrder, '10:20:/7/6'],
  ] as const)
    expect([position, taken(position, order)]).toEqual([position, true]);
});

test('a number that does not fit PostgreSQL is not a position', () => {
  const large = fc.bigInt({ min: 2n ** 63n, max: 10n ** 40n });
  fc.assert(
    fc.property(large, (number) => {
      expect(taken(String(number), byNumber)).toBe(false);
      expect(taken(`10:20:/${number}/6`, walletsOrder)).toBe(false);
      expect(taken(`10:20:/7/${number}`, walletsOrder)).toBe(false);
      expect(taken(`10:${number}:/${ID}`, allTransactionsOrder)).toBe(false);
      expect(taken(`10:20:${number}/${ID}`, allTransactionsOrder)).toBe(false);
    }),
  );
});

test('a cursor that was changed, or belongs to other filters, is refused', () => {
  const cursor = encodeCursor('42', FILTERS);
  const changed = fc
    .tuple(fc.nat(cursor.length - 1), fc.string({ maxLength: 2 }))
    .map(([at, text]) => cursor.slice(0, at) + text + cursor.slice(at + 1));
  fc.assert(
    fc.property(fc.oneof(changed, fc.string(), fc.base64String()), (text) => {
      fc.pre(text !== cursor);
      expect(() => startOf(text, FILTERS, byNumber)).toThrow('invalid_cursor');
    }),
  );
  expect(() => startOf(cursor, { type: 'TOPUP' }, byNumber)).toThrow('invalid_cursor');
});
