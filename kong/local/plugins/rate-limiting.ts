// rate-limiting: fixed windows of the calendar, counted in Redis per address, consumer or value of a header, with Kong's headers.

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
    limit_by: v.picklist(['ip', 'header', 'consumer']),
    header_name: v.optional(v.string()),
    policy: v.literal('redis', 'must be redis: limits hold for all gateways together'),
    fault_tolerant: v.optional(v.boolean(), true),
    redis: v.strictObject({
      host: v.string(),
      timeout: v.optional(v.number(), 2000),
      password: v.optional(v.string()),
    }),
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

/** `scope` is the owner of this configuration: a route's counts that route, a consumer's all routes together. */
export function create(config: Config, ground: Ground, scope: string): Handler {
  const header = config.header_name?.toLowerCase();
  const windows = (Object.keys(WINDOWS) as Window[]).filter((window) => config[window] !== undefined);
  const redis = { password: resolved(config.redis.password, ground.environment), timeoutMs: config.redis.timeout };
  let warnedAt = 0;

  async function count(exchange: Exchange, now: number): Promise<Usage[]> {
    const identifier = identifierOf(exchange);
    return Promise.all(
      windows.map(async (window) => {
        const seconds = WINDOWS[window];
        const start = now - (now % seconds);
        const key = `ratelimit:${scope}:${identifier}:${start}:${window}`;
        const used = await ground.counters.take(key, seconds, redis);
        return { window, limit: config[window] ?? 0, used };
      }),
    );
  }

  function identifierOf({ headers, consumer, clientAddress }: Exchange): string {
    const named = config.limit_by === 'header' && header ? headers[header] : undefined;
    const known = config.limit_by === 'consumer' ? consumer?.username : named;
    return typeof known === 'string' ? known : clientAddress;
  }

  return {
    priority: 910,
    async access(exchange) {
      const now = Math.floor(Date.now() / 1000);
      let usage: Usage[];
      try {
        usage = await count(exchange, now);
      } catch (error) {
        const consequence = config.fault_tolerant ? 'requests pass without limits' : 'requests are refused';
        if (Date.now() - warnedAt > 10_000) {
          warnedAt = Date.now();
          ground.warn(`Limits of ${scope} cannot be counted (${(error as Error).message}): ${consequence}.`);
        }
        return config.fault_tolerant ? undefined : { status: 500, body: '{"message":"An unexpected error occurred"}' };
      }
      return judge(exchange, usage, now);
    },
    headerFilter(exchange, answer) {
      Object.assign(answer.headers, applied.get(exchange));
    },
  };
}

/** Kong takes a reference that it cannot resolve for an empty text. */
function resolved(text: string | undefined, environment: Ground['environment']): string | undefined {
  const reference = /^\{vault:\/\/env\/([\w-]+)\}$/.exec(text ?? '')?.[1];
  return reference === undefined ? text : environment[reference.toUpperCase().replaceAll('-', '_')];
}

// The headers tell the window with the least left, and the longer of two with the same rest.
function judge(exchange: Exchange, usage: Usage[], now: number): Exit | undefined {
  const headers: HeaderValues = {};
  const exceeded = usage.some(({ used, limit: most }) => used > most);
  let told: (Usage & { remaining: number }) | undefined;
  for (const each of usage) {
    // As Kong does: a request that one window refuses does not lower the rest that the other windows show.
    const counted = exceeded && each.used <= each.limit ? each.used - 1 : each.used;
    const remaining = Math.max(0, each.limit - counted);
    headers[`x-ratelimit-limit-${each.window}`] = String(each.limit);
    headers[`x-ratelimit-remaining-${each.window}`] = String(remaining);
    if (!told || remaining <= told.remaining) told = { ...each, remaining };
  }
  if (!told) return undefined;
  const seconds = WINDOWS[told.window];
  const reset = String(Math.max(1, seconds - (now % seconds)));
  headers['ratelimit-limit'] = String(told.limit);
  headers['ratelimit-remaining'] = String(told.remaining);
  headers['ratelimit-reset'] = reset;
  if (exceeded) headers['retry-after'] = reset;
  applied.set(exchange, headers);
  return exceeded ? { status: 429, body: '{"message":"API rate limit exceeded"}' } : undefined;
}
