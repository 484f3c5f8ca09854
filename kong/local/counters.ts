// Counts requests in Redis, over its REST proxy, so that limits survive a restart and hold for several gateways.

import { Redis } from '@upstash/redis';
import type { Counters } from './plugin.ts';

// Like Kong with policy redis (its policies/init.lua): every window is counted before any is looked at, so what is refused counts, too.
const TAKE = `
local used = redis.call('INCR', KEYS[1])
if used == 1 then redis.call('EXPIRE', KEYS[1], ARGV[1]) end
return used`;

/** Kong gives up sooner. Here the proxy of Redis shares a process with functions that are being started, and may be late for that. */
const LEAST_TIMEOUT_MS = 2000;

export function redisCounters(url: string, token: string): Counters {
  const clients = new Map<number, Redis>();
  const clientFor = (timeoutMs: number) => {
    let client = clients.get(timeoutMs);
    if (!client) {
      // A repeated command would count a request twice, hence no retries.
      const signal = () => AbortSignal.timeout(Math.max(timeoutMs, LEAST_TIMEOUT_MS));
      client = new Redis({ url, token, signal, retry: { retries: 0 }, enableTelemetry: false });
      clients.set(timeoutMs, client);
    }
    return client;
  };
  return {
    take: (key, seconds, timeoutMs) => clientFor(timeoutMs).eval<number[], number>(TAKE, [key], [seconds + 1]),
  };
}
