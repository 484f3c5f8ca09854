// SNAP's times are ISO 8601 with seconds and an offset; ours are written in Jakarta's.

const JAKARTA_OFFSET = 7 * 3_600_000;
const TIMESTAMP = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:Z|[+-]\d{2}:\d{2})$/;

/** `2026-01-15T10:30:00+07:00` */
export function snapTimestamp(time: Date): string {
  return `${new Date(time.getTime() + JAKARTA_OFFSET).toISOString().slice(0, 19)}+07:00`;
}

/** Undefined for anything but a real moment with seconds and an offset. */
export function parseSnapTimestamp(text: string): Date | undefined {
  if (!TIMESTAMP.test(text)) return undefined;
  // Date knows milliseconds only, SNAP's examples also have microseconds.
  const time = new Date(text.replace(/(\.\d{3})\d+/, '$1'));
  return Number.isNaN(time.getTime()) ? undefined : time;
}

export function isWithin(time: Date, now: Date, windowMs: number): boolean {
  return Math.abs(time.getTime() - now.getTime()) <= windowMs;
}
