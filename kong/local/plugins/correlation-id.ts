// correlation-id: gives a request the id that its logs and its answer carry, unless the caller brought one.

import { randomUUID } from 'node:crypto';
import * as v from 'valibot';
import type { Ground, Handler } from '../plugin.ts';

export const schema = v.strictObject({
  header_name: v.string(),
  generator: v.literal('uuid'),
  echo_downstream: v.optional(v.boolean(), false),
});

export function create(config: v.InferOutput<typeof schema>, _ground: Ground): Handler {
  const name = config.header_name.toLowerCase();
  return {
    priority: 100_001,
    access(exchange) {
      const given = exchange.headers[name];
      exchange.requestId = typeof given === 'string' && given !== '' ? given : randomUUID();
      exchange.headers[name] = exchange.requestId;
      return undefined;
    },
    headerFilter(exchange, answer) {
      if (config.echo_downstream && exchange.requestId) answer.headers[name] = exchange.requestId;
    },
  };
}
