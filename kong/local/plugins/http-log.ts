// http-log: tells a function about every request of its route, answered or refused, in batches and outside the
// request's own time.

import * as v from 'valibot';
import { entryOf, setField } from '../log-entry.ts';
import { DROP, fields, type LogField } from '../log-fields.ts';
import type { Exchange, Ground, Handler } from '../plugin.ts';

const count = (fallback: number) => v.optional(v.pipe(v.number(), v.integer(), v.minValue(1)), fallback);
const seconds = (fallback: number) => v.optional(v.pipe(v.number(), v.minValue(0)), fallback);

export const schema = v.strictObject({
  http_endpoint: v.pipe(v.string(), v.url(), v.startsWith('http://')),
  method: v.optional(v.literal('POST'), 'POST'),
  content_type: v.optional(v.literal('application/json'), 'application/json'),
  headers: v.optional(v.record(v.string(), v.string()), {}),
  timeout: count(10_000),
  queue: v.strictObject({
    max_batch_size: count(1),
    max_coalescing_delay: seconds(1),
    max_entries: count(10_000),
    // Kong also bounds the memory by it; here max_entries does.
    max_bytes: v.optional(v.number()),
    max_retry_time: seconds(60),
    initial_retry_delay: seconds(0.01),
    max_retry_delay: seconds(60),
  }),
  custom_fields_by_lua: v.record(
    v.string(),
    v.pipe(
      v.string(),
      v.check((lua) => fieldOf(lua) !== undefined, 'has Lua that the local gateway does not know by its name'),
    ),
  ),
});

type Config = v.InferOutput<typeof schema>;

export function create(config: Config, { logQueues, post }: Ground): Handler {
  const { http_endpoint: endpoint, headers, content_type: type, timeout, queue } = config;
  const custom = Object.entries(config.custom_fields_by_lua).map(([name, lua]) => [name, fieldOf(lua)] as const);
  const settings = {
    maxBatchSize: queue.max_batch_size,
    coalescingMs: queue.max_coalescing_delay * 1000,
    maxEntries: queue.max_entries,
    maxRetryMs: queue.max_retry_time * 1000,
    initialDelayMs: queue.initial_retry_delay * 1000,
    maxDelayMs: queue.max_retry_delay * 1000,
  };
  const entries = logQueues.to(endpoint, settings, (body) =>
    post(new URL(endpoint), { ...headers, 'content-type': type }, body, timeout),
  );

  return {
    priority: 12,
    log(exchange: Exchange, status: number) {
      const entry = entryOf(exchange, status);
      for (const [name, field] of custom) setField(entry, name, field?.(exchange));
      entries.add(JSON.stringify(entry));
    },
  };
}

function fieldOf(lua: string): LogField | undefined {
  if (lua === DROP) return () => undefined;
  return fields[/^-- name: ([\w-]+)\n/.exec(lua)?.[1] ?? ''];
}
