// The cut of a list, compared with PostgreSQL, whose snapshots have the same form.

import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { currentCut, isCut, liesAhead, shortened } from '../../../shared/regulators/cut.ts';
import { connectTestDatabase } from '../../setup/database.ts';

let database: Awaited<ReturnType<typeof connectTestDatabase>>;
beforeAll(async () => {
  database = await connectTestDatabase();
});
afterAll(() => database.drop());

const ask = async ({ text, values }: { text: string; values?: unknown[] }) =>
  (await database.admin.query(text, values)).rows as never;

test('the current cut is valid', async () => {
  const cut = await currentCut(ask);
  expect(isCut(cut)).toBe(true);
  expect(liesAhead(cut, await currentCut(ask))).toBe(false);
  const [, next = ''] = cut.split(':');
  expect(liesAhead(`${next}:${BigInt(next) + 1n}:`, cut)).toBe(true);
});

test('the database takes every cut that we take', async () => {
  const numbers = ['0', '1', '2', '7', '8', '9223372036854775807', '9999999999999999999', '', 'x', '-1', ' 3', '07'];
  const lists = ['', '2', '7', '2,7', '7,2', '2,2', '0', '2,', ',2', '2,x', '8', '9999999999999999999'];
  const texts = numbers.flatMap((one) => numbers.flatMap((two) => lists.map((list) => `${one}:${two}:${list}`)));
  texts.push('', ':', '::', '2:7', '2:7:2:7', '2:7:2\n');
  const { rows } = await database.admin.query<{ text: string }>(
    "select text from unnest($1::text[]) text where pg_input_is_valid(text, 'pg_snapshot')",
    [texts],
  );
  const valid = new Set(rows.map(({ text }) => text));
  const taken = texts.filter(isCut);
  expect(taken.filter((text) => !valid.has(text))).toEqual([]);
  expect(taken).toEqual(expect.arrayContaining(['1:2:', '2:8:2,7', '7:7:', '1:9223372036854775807:2,7']));
});

test('a cut that would name too many transactions shows less, and nothing uncommitted', async () => {
  const running = Array.from({ length: 120 }, (_, turn) => 110 + turn * 3);
  const whole = `${running[0]}:500:${running}`;
  expect(isCut(whole)).toBe(false);
  const short = shortened(whole);
  expect(isCut(short)).toBe(true);
  const visibleIn = async (cut: string) =>
    (
      await database.admin.query<{ id: number }>(
        'select id from generate_series(1, 510) id where pg_visible_in_snapshot(id::text::xid8, $1)',
        [cut],
      )
    ).rows.map(({ id }) => id);
  const seen = await visibleIn(short);
  const before = running[100] as number;
  expect(seen).toEqual((await visibleIn(whole)).filter((id) => id < before));
  expect(shortened(short)).toBe(short);
  expect(shortened('5:9:7')).toBe('5:9:7');
});
