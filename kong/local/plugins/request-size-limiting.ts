// request-size-limiting: refuses bodies above the limit. One that does not say its length is read here, up to the limit.

import type { IncomingMessage } from 'node:http';
import * as v from 'valibot';
import type { Ground, Handler } from '../plugin.ts';

const UNITS = { bytes: 1, kilobytes: 2 ** 10, megabytes: 2 ** 20 };

export const schema = v.strictObject({
  allowed_payload_size: v.pipe(v.number(), v.integer(), v.minValue(1)),
  size_unit: v.optional(v.picklist(['bytes', 'kilobytes', 'megabytes']), 'megabytes'),
  require_content_length: v.optional(v.literal(false), false),
});

export function create(config: v.InferOutput<typeof schema>, _ground: Ground): Handler {
  const limit = config.allowed_payload_size * UNITS[config.size_unit];
  const tooLarge = { status: 413, body: JSON.stringify({ message: 'Request size limit exceeded' }) };
  return {
    priority: 951,
    async access(exchange) {
      const length = exchange.headers['content-length'];
      if (typeof length === 'string') return Number(length) > limit ? tooLarge : undefined;
      if (exchange.headers['transfer-encoding'] === undefined) return undefined;
      const body = await readUpTo(exchange.request, limit);
      if (!body) return tooLarge;
      exchange.body = body;
      return undefined;
    },
  };
}

async function readUpTo(request: IncomingMessage, limit: number): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  // Ending the iteration must not end the request: it still gets its answer.
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    size += (chunk as Buffer).length;
    if (size > limit) return undefined;
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks);
}
