import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import * as v from 'valibot';
import { SnapAmountSchema, snapAmount } from '../../../../shared/providers/snap/amount.ts';
import { paymentExternalId, randomExternalId } from '../../../../shared/providers/snap/external-id.ts';
import { isWithin, parseSnapTimestamp, snapTimestamp } from '../../../../shared/providers/snap/timestamp.ts';

test('amounts are written with two decimals and read back as they were', () => {
  expect(snapAmount(15_000_000n, 'IDR')).toEqual({ value: '150000.00', currency: 'IDR' });
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 999_999_999_999_999n }), (amount) => {
      expect(v.parse(SnapAmountSchema, snapAmount(amount, 'IDR'))).toEqual({ amount, currency: 'IDR' });
    }),
  );
});

test.each([
  ['1500', 150_000n],
  ['1500.5', 150_050n],
])('an amount written as %s is understood', (value, amount) => {
  expect(v.parse(SnapAmountSchema, { value, currency: 'IDR' })).toEqual({ amount, currency: 'IDR' });
});

test.each(['-1.00', '1e3', '1,500.00', '1500.001', '', ' 1500', 'NaN', '9'.repeat(17), 1500])(
  '%p is not an amount',
  (value) => {
    expect(v.is(SnapAmountSchema, { value, currency: 'IDR' })).toBe(false);
  },
);

test("times are written in Jakarta's offset and read with any", () => {
  expect(snapTimestamp(new Date('2026-11-20T18:30:05.999Z'))).toBe('2026-11-21T01:30:05+07:00');
  expect(parseSnapTimestamp('2026-11-21T01:30:05+07:00')).toEqual(new Date('2026-11-20T18:30:05Z'));
  expect(parseSnapTimestamp('2024-03-05T10:37:16.196Z')).toEqual(new Date('2024-03-05T10:37:16.196Z'));
  expect(parseSnapTimestamp('2030-07-20T20:34:15.452305Z')).toEqual(new Date('2030-07-20T20:34:15.452Z'));
});

test.each([
  '',
  'yesterday',
  '2026-11-21',
  '2026-11-21T01:30+07:00',
  '2026-11-21T01:30:05',
  '2026-13-21T01:30:05Z',
  '1763660000',
])('%p is not a time', (text) => {
  expect(parseSnapTimestamp(text)).toBeUndefined();
});

test('a window reaches as far back as ahead', () => {
  const now = new Date('2026-11-20T10:00:00Z');
  expect(isWithin(new Date('2026-11-20T09:55:00Z'), now, 300_000)).toBe(true);
  expect(isWithin(new Date('2026-11-20T10:05:00Z'), now, 300_000)).toBe(true);
  expect(isWithin(new Date('2026-11-20T09:54:59Z'), now, 300_000)).toBe(false);
  expect(isWithin(new Date('2026-11-20T10:05:01Z'), now, 300_000)).toBe(false);
});

test('external ids are digits, the same for the same sending and different for every other', () => {
  const ids = new Set<string>();
  for (let reference = 0; reference < 200; reference++) {
    for (let sending = 0; sending < 4; sending++) ids.add(paymentExternalId(`TOP-${reference}`, sending));
  }
  for (let index = 0; index < 200; index++) ids.add(randomExternalId());
  expect(ids.size).toBe(1000);
  for (const id of ids) expect(id).toMatch(/^\d{32}$/);
  expect(paymentExternalId('TOP-1', 0)).toBe(paymentExternalId('TOP-1', 0));
});
