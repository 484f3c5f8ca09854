// SNAP's times are ISO 8601 with seconds and an offset. Ours have Jakarta's offset.

import { normaliseTime } from '../../platform/http/time.ts';

const JAKARTA_OFFSET = 7 * 3_600_000;

/** `2026-01-15T10:30:00+07:00` */
export function snapTimestamp(time: Date): string {
  return `${new Date(time.getTime() + JAKARTA_OFFSET).toISOString().slice(0, 19)}+07:00`;
}

/** Undefined unless the text is a real moment with seconds and an offset. */
export function parseSnapTimestamp(text: string): Date | undefined {
  const time = normaliseTime(text);
  return time === undefined ? undefined : new Date(time);
}

export function isWithin(time: Date, now: Date, windowMs: number): boolean {
  return Math.abs(time.getTime() - now.getTime()) <= windowMs;
}
