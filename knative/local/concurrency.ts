// How many requests a service had in hand, on average, over the last seconds: the input of Knative's autoscaler.

export interface Meter {
  /** Sets the number of requests in hand from now on. */
  set(count: number): void;
  /** Average over the last so many milliseconds, or over the time since the first request if that is less. */
  average(windowMs: number): number;
}

const BUCKET_MS = 1000;

export function concurrencyMeter(longestWindowMs: number, now: () => number = () => performance.now()): Meter {
  /** Request-milliseconds per bucket, by the bucket's number. */
  const areas = new Map<number, number>();
  let count = 0;
  let upTo = now();
  let since: number | undefined;

  function advance(): number {
    const time = now();
    while (upTo < time) {
      const bucket = Math.floor(upTo / BUCKET_MS);
      const end = Math.min(time, (bucket + 1) * BUCKET_MS);
      if (count > 0) areas.set(bucket, (areas.get(bucket) ?? 0) + count * (end - upTo));
      upTo = end;
    }
    const oldest = Math.floor((time - longestWindowMs) / BUCKET_MS);
    for (const bucket of areas.keys()) {
      if (bucket >= oldest) break;
      areas.delete(bucket);
    }
    // After a whole idle window it begins anew, as Knative's does.
    if (areas.size === 0 && count === 0) since = undefined;
    return time;
  }

  return {
    set(value) {
      const time = advance();
      count = value;
      if (value > 0) since ??= time;
    },
    average(windowMs) {
      const time = advance();
      if (since === undefined) return 0;
      const span = Math.max(BUCKET_MS, Math.min(windowMs, time - since));
      const first = Math.floor((time - windowMs) / BUCKET_MS) + 1;
      let area = 0;
      for (const [bucket, each] of areas) if (bucket >= first) area += each;
      return area / span;
    },
  };
}
