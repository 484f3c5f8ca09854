// Times as callers write them: which are taken, which are refused, and that PostgreSQL and JavaScript read the same
// time.

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import * as v from 'valibot';
import {
  futureSchema,
  normaliseTime,
  rangeEntries,
  rangeInOrder,
  timeSchema,
} from '../../../../shared/platform/http/time.ts';
import { connectTestDatabase } from '../../../setup/database.ts';

describe('times of RFC 3339 are taken', () => {
  test.each([
    ['2026-11-20T04:05:06Z', '2026-11-20T04:05:06.000Z'],
    ['2026-11-20t04:05:06z', '2026-11-20T04:05:06.000Z'],
    ['2026-11-20 04:05:06Z', '2026-11-20T04:05:06.000Z'],
    ['2026-11-20T00:00:00+07:00', '2026-11-19T17:00:00.000Z'],
    ['2026-11-20T00:00:00-00:00', '2026-11-20T00:00:00.000Z'],
    ['2026-11-20T00:00:00.1Z', '2026-11-20T00:00:00.100Z'],
    ['2026-11-20T00:00:00.123456789Z', '2026-11-20T00:00:00.123456Z'],
    ['2024-02-29T00:00:00Z', '2024-02-29T00:00:00.000Z'],
    ['2016-12-31T23:59:60Z', '2017-01-01T00:00:00.000Z'],
    ['2017-01-01T06:59:60.5+07:00', '2017-01-01T00:00:00.500Z'],
    ['0001-01-01T00:00:00Z', '0001-01-01T00:00:00.000Z'],
    ['9999-12-31T23:59:59.999999Z', '9999-12-31T23:59:59.999999Z'],
  ])('%s', (text, normal) => expect(v.parse(timeSchema, text)).toBe(normal));
});

describe('times that do not exist are refused', () => {
  test.each([
    '2026-02-30T00:00:00Z',
    '2025-02-29T00:00:00Z',
    '2026-13-01T00:00:00Z',
    '2026-00-10T00:00:00Z',
    '2026-11-00T00:00:00Z',
    '2026-11-20T24:00:00Z',
    '2026-11-20T00:60:00Z',
    '2026-11-20T00:00:61Z',
    '2026-11-20T12:00:60Z',
    '2026-11-20T00:00:00+20:00',
    '2026-11-20T00:00:00+07:60',
    '0000-01-01T00:00:00Z',
    '0001-01-01T00:00:00+07:00',
    '9999-12-31T23:59:60Z',
    '9999-12-31T23:59:59-07:00',
    '2026-11-20',
    '2026-11-20T00:00:00',
    '2026-11-20T00:00:00 07:00',
    '2026-11-20T00:00:00+0700',
    '+12026-11-20T00:00:00Z',
    ' 2026-11-20T00:00:00Z',
    'yesterday',
    '',
  ])('%s', (text) => expect(v.is(timeSchema, text)).toBe(false));

  test('an expiry lies in the future', () => {
    const at = (milliseconds: number) => new Date(Date.now() + milliseconds).toISOString();
    expect([at(-1), at(60_000)].map((time) => v.is(futureSchema, time))).toEqual([false, true]);
  });

  test('a range does not end before it begins, whatever the zones', () => {
    const range = v.pipe(v.object(rangeEntries('Created')), rangeInOrder());
    const noon = '2026-11-20T12:00:00+07:00';
    expect(v.is(range, { from: noon, to: '2026-11-20T05:00:00Z' })).toBe(true);
    const { issues } = v.safeParse(range, { from: noon, to: '2026-11-20T04:59:59Z' });
    expect(issues?.map(({ path, message }) => [path?.[0].key, message])).toEqual([['to', 'must not be before `from`']]);
  });
});

describe('PostgreSQL and JavaScript', () => {
  let database: Awaited<ReturnType<typeof connectTestDatabase>>;
  beforeAll(async () => {
    database = await connectTestDatabase();
  });
  afterAll(() => database.drop());

  const two = (most: number) => fc.integer({ min: 0, max: most }).map((number) => String(number).padStart(2, '0'));
  const written = fc
    .tuple(
      fc.integer({ min: 0, max: 9999 }).map((year) => String(year).padStart(4, '0')),
      two(13),
      two(32),
      fc.constantFrom('T', 't', ' '),
      two(24),
      two(60),
      two(61),
      fc.constantFrom('', '.5', '.123', '.999999'),
      fc.oneof(
        fc.constantFrom('Z', 'z'),
        fc.tuple(fc.constantFrom('+', '-'), two(17), two(60)).map(([sign, h, m]) => `${sign}${h}:${m}`),
      ),
    )
    .map(
      ([year, month, day, t, hour, minute, second, fraction, zone]) =>
        `${year}-${month}-${day}${t}${hour}:${minute}:${second}${fraction}${zone}`,
    );

  test('read the same time from every text that is taken', async () => {
    const taken = fc.sample(written, 5_000).flatMap((text) => {
      const normal = normaliseTime(text);
      return normal === undefined ? [] : [{ text, normal }];
    });
    expect(taken.length).toBeGreaterThan(500);
    for (const { normal } of taken) expect(new Date(normal).toISOString().slice(0, 23)).toBe(normal.slice(0, 23));
    const { rows } = await database.admin.query(
      'select text, normal from json_to_recordset($1) as taken (text text, normal text) where text::timestamptz <> normal::timestamptz',
      [JSON.stringify(taken)],
    );
    expect(rows).toEqual([]);
  });

  test('no text is refused that PostgreSQL takes, except hour 24, second 60 within a month, and years beyond ours', async () => {
    const refused = fc.sample(written, 2_000).filter((text) => normaliseTime(text) === undefined);
    const { rows } = await database.admin.query<{ text: string }>(
      `select text from unnest($1::text[]) as refused (text) where pg_input_is_valid(text, 'timestamptz')`,
      [refused],
    );
    const odd = /[Tt ]24:|:60(\.\d+)?(?:[Zz]|[+-])|^(0001|9999)-|^.{19}(\.\d+)?[+-]\d\d:60$/;
    expect(rows.map(({ text }) => text).filter((text) => !odd.test(text))).toEqual([]);
  });
});
