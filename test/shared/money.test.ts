import { expect, test } from '@jest/globals';
import * as v from 'valibot';
import { formatAmount, parseAmount } from '../../shared/money.ts';
import { amountSchema } from '../../shared/wallet/request.ts';

test.each([
  ['0.01', 1n],
  ['150000', 15_000_000n],
  ['150000.5', 15_000_050n],
  ['-12.34', -1_234n],
  ['9999999999999.99', 999_999_999_999_999n],
])('%s is %s minor units', (text, minor) => {
  expect(parseAmount(text)).toBe(minor);
});

test.each([
  [0n, '0.00'],
  [5n, '0.05'],
  [-5n, '-0.05'],
  [15_000_000n, '150000.00'],
  [-123_456n, '-1234.56'],
])('%s minor units are written %s', (minor, text) => {
  expect(formatAmount(minor)).toBe(text);
});

test.each([
  '1e3',
  '-5',
  '0',
  '0.00',
  '0.001',
  'NaN',
  '1000000000000000000',
  '',
  ' 1',
  '1 ',
  '01',
  '1.',
  '.5',
  '+1',
  '0x10',
  '1,000',
  '١٢',
  5,
  null,
  {},
])('the API does not accept %p as an amount', (value) => {
  expect(v.safeParse(amountSchema, value).success).toBe(false);
});

test('amounts that are equal become the same money', () => {
  expect(['10', '10.0', '10.00'].map((text) => v.parse(amountSchema, text))).toEqual([1_000n, 1_000n, 1_000n]);
});
