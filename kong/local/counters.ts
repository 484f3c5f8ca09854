// Counts requests in Redis, over its REST proxy, so that limits survive a restart and hold for several gateways.

import { Redis } from '@upstash/redis';
import type { Counters } from './plugin.ts';

// Like Kong with policy redis (its policies/init.lua): every window is counted before any is compared, so a refused
// request counts, too.
const TAKE = `
local used = redis.call('INCR', KEYS[1])
if used == 1 then redis.call('EXPIRE', KEYS[1], ARGV[1]) end
return used`;

/**
 * Kong gives up sooner. Here the proxy of Redis shares a process with functions that are being started, which may delay
 * it.
 */
const LEAST_TIMEOUT_MS = 2000;

/** `url`: of the proxy, whose token is the password. */
export function redisCounters(url: string): Counters {
  const clients = new Map<string, Redis>();
  const clientFor = (password: string | undefined, timeoutMs: number) => {
    const key = JSON.stringify([password, timeoutMs]);
    let client = clients.get(key);
    if (!client) {
      // A repeated command would count a request twice, hence no retries.
      const signal = () => AbortSignal.timeout(Math.max(timeoutMs, LEAST_TIMEOUT_MS));
      // The client wants a token. The proxy refuses this one, as Redis refuses a client without a password.
      const token = password ?? 'none';
      client = new Redis({ url, token, signal, retry: { retries: 0 }, enableTelemetry: false });
      clients.set(key, client);
    }
    return client;
  };
  return {
    take: (key, seconds, { password, timeoutMs }) =>
      clientFor(password, timeoutMs).eval<number[], number>(TAKE, [key], [seconds + 1]),
  };
}
