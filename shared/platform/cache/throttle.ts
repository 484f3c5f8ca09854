// Quotas against guessing: a number of attempts per subject and window, counted in Redis over all instances. Denied
// attempts are not counted, so that hammering does not lock a person out for longer than the window.
// While Redis is away, each instance counts by itself with the same quotas. An outage locks no one out, and guessing
// stays limited to the quota times the number of instances.

import { randomUUID } from 'node:crypto';
import { Problem } from '../http/problem.ts';
import { log } from '../telemetry/log.ts';
import { type Count, clearLocally, countLocally, giveBackLocally, type Quota } from './local-count.ts';
import { askRedis } from './redis.ts';

export type { Quota };

/** A quota and its subject. The caller hashes a personal subject. */
export interface Measure {
  quota: Quota;
  subject: string;
}

/** How long Redis is not asked after a failure, so that an outage does not slow down every request. */
const PAUSE_MS = 2_000;

// A log of the attempts in the window. Each attempt has an id, so that counting it twice counts it once.
const COUNT = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local window, limit = tonumber(ARGV[1]), tonumber(ARGV[2])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - window)
local used = redis.call('ZCARD', KEYS[1])
local allowed = redis.call('ZSCORE', KEYS[1], ARGV[3])
if not allowed and used < limit then
  redis.call('ZADD', KEYS[1], now, ARGV[3])
  redis.call('PEXPIRE', KEYS[1], window)
  used = used + 1
  allowed = true
end
local oldest = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
return {allowed and 1 or 0, limit - used, tonumber(oldest[2]) + window - now}`;

let askAgainAt = 0;

/** An allowed attempt. */
export interface Attempt {
  /** RateLimit and RateLimit-Policy, for the answer. */
  headers: Record<string, string>;
  /** Takes this attempt back from a measure that should not count it. */
  giveBack(measure: Measure): Promise<void>;
  /** Forgets all attempts of a measure, because its subject has shown that it was not guessing. */
  clear(measure: Measure): Promise<void>;
}

/** Counts one attempt against each measure. Throws `rate_limited` with Retry-After if one of them is used up. */
export async function throttle(measures: readonly Measure[]): Promise<Attempt> {
  const id = randomUUID();
  const counts = await count(measures, id);
  const denied = measures
    .flatMap(({ quota }, index) => (counts[index]?.allowed ? [] : [{ quota, resetMs: counts[index]?.resetMs ?? 0 }]))
    .sort((one, other) => other.resetMs - one.resetMs)[0];
  if (denied) {
    await giveBackAll(
      measures.filter((_measure, index) => counts[index]?.allowed),
      id,
    );
    const left = counts.map((each) => (each.allowed ? { ...each, remaining: each.remaining + 1 } : each));
    const { name, limit, windowSeconds } = denied.quota;
    throw new Problem('rate_limited', {
      headers: { ...rateLimitHeaders(measures, left), 'retry-after': String(seconds(denied.resetMs)) },
      members: { policy: { name, limit, window_seconds: windowSeconds } },
    });
  }
  const headers = rateLimitHeaders(measures, counts);
  return {
    headers,
    giveBack: async (measure) => {
      giveBackLocally(keyOf(measure));
      await tryRedis((redis) => redis.zrem(keyOf(measure), id));
    },
    clear: async (measure) => {
      clearLocally(keyOf(measure));
      await tryRedis((redis) => redis.del(keyOf(measure)));
    },
  };
}

async function count(measures: readonly Measure[], id: string): Promise<Count[]> {
  const answers = await tryRedis((redis) => {
    // One script per key, because a cluster keeps its keys on different machines.
    const pipeline = redis.pipeline();
    for (const measure of measures) {
      const { limit, windowSeconds } = measure.quota;
      pipeline.eval(COUNT, [keyOf(measure)], [windowSeconds * 1000, limit, id]);
    }
    return pipeline.exec<[number, number, number][]>();
  });
  if (!answers) return measures.map((measure) => countLocally(keyOf(measure), measure.quota));
  return answers.map(([allowed, remaining, resetMs]) => ({ allowed: allowed === 1, remaining, resetMs }));
}

/** An attempt that one measure has denied counts against none. */
async function giveBackAll(measures: readonly Measure[], id: string): Promise<void> {
  if (measures.length === 0) return;
  for (const measure of measures) giveBackLocally(keyOf(measure));
  await tryRedis((redis) => {
    const pipeline = redis.pipeline();
    for (const measure of measures) pipeline.zrem(keyOf(measure), id);
    return pipeline.exec();
  });
}

async function tryRedis<Answer>(ask: Parameters<typeof askRedis<Answer>>[0]): Promise<Answer | undefined> {
  if (performance.now() < askAgainAt) return undefined;
  try {
    return await askRedis(ask);
  } catch (error) {
    askAgainAt = performance.now() + PAUSE_MS;
    log.warn({ error }, 'Redis is away: this instance counts attempts by itself');
    return undefined;
  }
}

/** RateLimit and RateLimit-Policy after draft-ietf-httpapi-ratelimit-headers-11. */
function rateLimitHeaders(measures: readonly Measure[], counts: readonly Count[]): Record<string, string> {
  const policies = measures.map(({ quota }) => `"${quota.name}";q=${quota.limit};w=${quota.windowSeconds}`);
  const states = measures.map(({ quota }, index) => {
    const { remaining = 0, resetMs = 0 } = counts[index] ?? {};
    return `"${quota.name}";r=${Math.max(remaining, 0)};t=${seconds(resetMs)}`;
  });
  return { 'ratelimit-policy': policies.join(', '), ratelimit: states.join(', ') };
}

function keyOf({ quota, subject }: Measure): string {
  return `one-gate:throttle:${quota.name}:${subject}`;
}

function seconds(milliseconds: number): number {
  return Math.max(1, Math.ceil(milliseconds / 1000));
}
