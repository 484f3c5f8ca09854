// Times as callers write them: RFC 3339, limited to times that both JavaScript and PostgreSQL accept.

import * as v from 'valibot';
import { rule } from './rule.ts';

const RFC_3339 = /^(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:[Zz]|([+-])(\d\d):(\d\d))$/;

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
/** PostgreSQL refuses offsets of 16 hours or more. The largest in use is +14:00. */
const OFFSET_HOURS_LIMIT = 16;

/**
 * The time in UTC with at most six decimals, `2026-11-20T04:05:06.789Z`, so that equal times are equal texts. Undefined
 * for another form and for a time that does not exist. A leap second becomes the beginning of the next minute, as in
 * PostgreSQL.
 */
export function normaliseTime(text: string): string | undefined {
  const match = RFC_3339.exec(text);
  if (!match) return undefined;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.slice(1, 7).map(Number);
  const [fraction = '', sign = '+'] = [match[7], match[8]];
  const [offsetHours, offsetMinutes] = [Number(match[9] ?? 0), Number(match[10] ?? 0)];
  if (hour > 23 || minute > 59 || second > 60 || offsetHours >= OFFSET_HOURS_LIMIT || offsetMinutes > 59)
    return undefined;
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  if (year === 0 || date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return undefined;
  const offset = (offsetHours * 60 + offsetMinutes) * MINUTE_MS * (sign === '-' ? -1 : 1);
  const beginOfMinute = date.getTime() + (hour * 60 + minute) * MINUTE_MS - offset;
  if (second === 60 && !endsAMonth(beginOfMinute + MINUTE_MS)) return undefined;
  const micros = fraction.slice(0, 6).padEnd(6, '0');
  const time = new Date(beginOfMinute + second * 1000 + Number(micros.slice(0, 3)));
  const inUtc = time.getUTCFullYear();
  if (inUtc < 1 || inUtc > 9999) return undefined;
  const finer = micros.slice(3);
  return finer === '000' ? time.toISOString() : time.toISOString().replace('Z', `${finer}Z`);
}

/** Leap seconds are the last ones of a month in UTC. */
function endsAMonth(time: number): boolean {
  return time % DAY_MS === 0 && new Date(time).getUTCDate() === 1;
}

/** Becomes UTC, so that equal times are the same request. */
export const timeSchema = v.pipe(
  v.string(),
  rule<string>(
    (text) => RFC_3339.test(text),
    'must be a time with a zone, such as 2026-11-20T00:00:00+07:00 (with + written as %2B)',
    { format: 'date-time' },
  ),
  // A text of another form has one message already, so it is not checked again.
  v.check((text) => !RFC_3339.test(text) || normaliseTime(text) !== undefined, 'must be a time that exists'),
  v.transform((text) => normaliseTime(text) ?? text),
);

/** A time in the future. */
export const futureSchema = v.pipe(
  timeSchema,
  v.check((time) => Date.parse(time) > Date.now(), 'must be in the future'),
);

/** The two filters of a list by time. `about`: the time that they compare. */
export const rangeEntries = (about: string) => ({
  from: v.optional(v.pipe(timeSchema, v.description(`${about} at or after this time.`))),
  to: v.optional(v.pipe(timeSchema, v.description(`${about} before this time.`))),
});

/** Checks the object that has `rangeEntries`. */
export function rangeInOrder<Range extends { from?: string | undefined; to?: string | undefined }>() {
  return v.forward(
    v.check<Range, string>(
      ({ from, to }) => !from || !to || Date.parse(from) <= Date.parse(to),
      'must not be before `from`',
    ),
    ['to'] as never,
  );
}
