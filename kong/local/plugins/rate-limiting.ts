// rate-limiting: fixed windows of the calendar, counted in Redis per address or per value of a header, with Kong's headers.

import * as v from 'valibot';
import type { Exchange, Exit, Ground, Handler, HeaderValues } from '../plugin.ts';

const WINDOWS = { second: 1, minute: 60, hour: 3600, day: 86_400 } as const;
type Window = keyof typeof WINDOWS;

const limit = v.optional(v.pipe(v.number(), v.integer(), v.minValue(1)));

export const schema = v.pipe(
  v.strictObject({
    second: limit,
    minute: limit,
    hour: limit,
    day: limit,
    limit_by: v.picklist(['ip', 'header']),
    header_name: v.optional(v.string()),
    policy: v.literal('redis', 'must be redis: limits hold for all gateways together'),
    fault_tolerant: v.optional(v.boolean(), true),
    redis: v.strictObject({ host: v.string(), timeout: v.optional(v.number(), 2000) }),
  }),
  v.check(
    (config) => config.limit_by !== 'header' || config.header_name !== undefined,
    'limit_by: header needs a name',
  ),
  v.check(({ second, minute, hour, day }) => {
    const given = [second, minute, hour, day].filter((each) => each !== undefined);
    return given.length > 0 && given.every((each, index) => each >= (given[index - 1] ?? 0));
  }, 'needs a limit, and no window may allow less than a shorter one'),
);

type Config = v.InferOutput<typeof schema>;

interface Usage {
  window: Window;
  limit: number;
  used: number;
}

const applied = new WeakMap<Exchange, HeaderValues>();

export function create(config: Config, ground: Ground): Handler {
  const header = config.header_name?.toLowerCase();
  const windows = (Object.keys(WINDOWS) as Window[]).filter((window) => config[window] !== undefined);
  let warnedAt = 0;

  async function count(exchange: Exchange, now: number): Promise<Usage[]> {
    const named = config.limit_by === 'header' && header ? exchange.headers[header] : undefined;
    const identifier = typeof named === 'string' ? named : exchange.clientAddress;
    return Promise.all(
      windows.map(async (window) => {
        const seconds = WINDOWS[window];
        const start = now - (now % seconds);
        const most = config[window] ?? 0;
        const key = `ratelimit:${exchange.route}:${identifier}:${start}:${window}`;
        return { window, limit: most, used: await ground.counters.take(key, most, seconds, config.redis.timeout) };
      }),
    );
  }

  return {
    priority: 910,
    async access(exchange) {
      const now = Math.floor(Date.now() / 1000);
      let usage: Usage[];
      try {
        usage = await count(exchange, now);
      } catch (error) {
        if (!config.fault_tolerant) return { status: 500, body: '{"message":"An unexpected error occurred"}' };
        if (Date.now() - warnedAt > 10_000) {
          warnedAt = Date.now();
          ground.warn(`Redis does not answer (${(error as Error).message}): requests pass without limits.`);
        }
        return undefined;
      }
      return judge(exchange, usage, now);
    },
    headerFilter(exchange, answer) {
      Object.assign(answer.headers, applied.get(exchange));
    },
  };
}

function judge(exchange: Exchange, usage: Usage[], now: number): Exit | undefined {
  const headers: HeaderValues = {};
  let tightest: (Usage & { remaining: number }) | undefined;
  let exceeded: Usage | undefined;
  for (const each of usage) {
    const remaining = Math.max(0, each.limit - each.used);
    const name = each.window.charAt(0).toUpperCase() + each.window.slice(1);
    headers[`x-ratelimit-limit-${name}`.toLowerCase()] = String(each.limit);
    headers[`x-ratelimit-remaining-${name}`.toLowerCase()] = String(remaining);
    if (!tightest || remaining < tightest.remaining) tightest = { ...each, remaining };
    if (each.used > each.limit) exceeded = each;
  }
  const telling = exceeded ?? tightest;
  if (!telling) return undefined;
  const seconds = WINDOWS[telling.window];
  const reset = String(Math.max(1, seconds - (now % seconds)));
  headers['ratelimit-limit'] = String(telling.limit);
  headers['ratelimit-remaining'] = String(Math.max(0, telling.limit - telling.used));
  headers['ratelimit-reset'] = reset;
  if (exceeded) headers['retry-after'] = reset;
  applied.set(exchange, headers);
  return exceeded ? { status: 429, body: '{"message":"API rate limit exceeded"}' } : undefined;
}
