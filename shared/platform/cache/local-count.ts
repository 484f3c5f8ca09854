// Counts attempts in this instance's memory while Redis is away.

export interface Quota {
  /** The name in the RateLimit headers. */
  name: string;
  limit: number;
  windowSeconds: number;
}

export interface Count {
  allowed: boolean;
  remaining: number;
  /** The time until the oldest attempt leaves the window and makes room for another. */
  resetMs: number;
}

/** Bounds the memory in a flood of different subjects. The subjects that have been quiet for longest are forgotten. */
const SUBJECTS_KEPT = 10_000;

const attempts = new Map<string, number[]>();

export function countLocally(key: string, quota: Quota, now = performance.now()): Count {
  const windowMs = quota.windowSeconds * 1000;
  const recent = (attempts.get(key) ?? []).filter((at) => at > now - windowMs);
  const allowed = recent.length < quota.limit;
  if (allowed) recent.push(now);
  attempts.delete(key);
  attempts.set(key, recent);
  for (const oldest of attempts.keys()) {
    if (attempts.size <= SUBJECTS_KEPT) break;
    attempts.delete(oldest);
  }
  return { allowed, remaining: quota.limit - recent.length, resetMs: (recent[0] ?? now) + windowMs - now };
}

/** Takes back the newest attempt. */
export function giveBackLocally(key: string): void {
  attempts.get(key)?.pop();
}

export function clearLocally(key: string): void {
  attempts.delete(key);
}
