// The simulator's own clock, which a test may set wrong, and the way SNAP writes times.

export interface Clock {
  now(): Date;
  /** Milliseconds this clock is ahead of the real one. */
  offsetMs: number;
}

export function createClock(): Clock {
  const clock = { offsetMs: 0, now: () => new Date(Date.now() + clock.offsetMs) };
  return clock;
}

const JAKARTA_OFFSET = 7 * 3_600_000;

export function jakartaTime(time: Date): string {
  return `${new Date(time.getTime() + JAKARTA_OFFSET).toISOString().slice(0, 19)}+07:00`;
}

export function jakartaDay(time: Date): string {
  return jakartaTime(time).slice(0, 10);
}

/** Undefined for any text but ISO 8601 with seconds and an offset. */
export function readTime(text: string): Date | undefined {
  if (!/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$/.test(text)) return undefined;
  const time = new Date(text.replace(/(\.\d{3})\d+/, '$1'));
  return Number.isNaN(time.getTime()) ? undefined : time;
}
