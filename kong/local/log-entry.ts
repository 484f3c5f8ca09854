// The entry that Kong logs for a request (kong/pdk/log.lua, serialize), without the fields that http-log removes in our
// kong.yaml.

import type { Exchange } from './plugin.ts';

export type LogEntry = Record<string, unknown>;

/** "upstream" for answers of functions; "kong" for all others. */
const SOURCES = { service: 'upstream', exit: 'kong', error: 'kong' } as const;

export function entryOf(exchange: Exchange, status: number): LogEntry {
  return {
    client_ip: exchange.clientAddress,
    started_at: exchange.startedAt,
    source: SOURCES[exchange.answered.source],
    upstream_status: exchange.answered.upstreamStatus,
    request: { id: exchange.kongRequestId, method: exchange.method, uri: exchange.request.url ?? '' },
    response: { status },
    consumer: exchange.consumer && { username: exchange.consumer.username, custom_id: exchange.consumer.customId },
  };
}

/** Sets, or removes, the value at a name with dots in it, in place. */
export function setField(entry: LogEntry, name: string, value: unknown): void {
  const steps = name.split('.');
  const last = steps.pop() ?? '';
  let node = entry;
  for (const step of steps) {
    node[step] ??= {};
    node = node[step] as LogEntry;
  }
  if (value === undefined) delete node[last];
  else node[last] = value;
}
