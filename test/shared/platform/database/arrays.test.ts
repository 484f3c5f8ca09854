// Columns as arrays: every value comes back as it was written.

import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import pg from 'pg';
import { plainArray, textArray } from '../../../../shared/platform/database/arrays.ts';
import { createTestDatabase, type TestDatabase } from '../../../setup/database.ts';

let database: TestDatabase;
let client: pg.Client;

beforeAll(async () => {
  database = await createTestDatabase();
  client = new pg.Client({ connectionString: database.urls.reader });
  await client.connect();
});
afterAll(async () => {
  await client.end();
  await database.drop();
});

const back = async (array: string | Buffer, type: string) =>
  (await client.query(`select value from unnest($1::${type}[]) as value`, [array])).rows.map(({ value }) => value);

test.each<[string, (string | null)[]]>([
  ['nothing', []],
  ['nulls', [null, null]],
  ['empty text', ['', null, '']],
  ['what text form would escape', ['a,b', '{c}', '"d"', 'e\\f', 'NULL', ' g ']],
  ['letters of many bytes', ['é', 'ꦏ', '💸', 'a\n\tb']],
])('text: %s', async (_name, values) => {
  expect(await back(textArray(values), 'text')).toEqual(values);
});

test('any text that PostgreSQL can keep', async () => {
  const text = fc.string({ unit: 'grapheme' }).filter((value) => !value.includes('\0') && value.isWellFormed());
  await fc.assert(
    fc.asyncProperty(fc.array(fc.option(text)), async (values) => {
      expect(await back(textArray(values), 'text')).toEqual(values);
    }),
    { numRuns: 50 },
  );
});

test('ids, numbers and nulls', async () => {
  const id = '01a1f94b-fda3-7576-9e80-f83b0953c3f0';
  expect(await back(plainArray([id, null]), 'uuid')).toEqual([id, null]);
  expect(await back(plainArray([9_223_372_036_854_775_807n, 0n, -1n]), 'bigint')).toEqual([
    '9223372036854775807',
    '0',
    '-1',
  ]);
  expect(await back(plainArray(['9999999999999.99', '-0.01']), 'numeric')).toEqual(['9999999999999.99', '-0.01']);
  expect(await back(plainArray([]), 'uuid')).toEqual([]);
});
