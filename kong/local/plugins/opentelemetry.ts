// opentelemetry, as far as functions see it: the trace goes on under a span of the gateway's. Only Kong exports the
// span itself.

import { randomBytes } from 'node:crypto';
import * as v from 'valibot';
import type { Ground, Handler } from '../plugin.ts';

const w3c = v.strictTuple([v.literal('w3c', 'must be [w3c]: other formats are not played')]);

export const schema = v.strictObject({
  traces_endpoint: v.pipe(v.string(), v.url()),
  sampling_rate: v.pipe(v.number(), v.minValue(0), v.maxValue(1)),
  resource_attributes: v.optional(v.record(v.string(), v.string())),
  propagation: v.strictObject({ default_format: v.literal('w3c'), extract: w3c, inject: w3c }),
});

const TRACEPARENT = /^00-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})$/;

export function create({ sampling_rate: rate }: v.InferOutput<typeof schema>, _ground: Ground): Handler {
  return {
    priority: 14,
    access({ headers }) {
      const given = headers['traceparent'];
      const parent = typeof given === 'string' ? TRACEPARENT.exec(given) : null;
      const traceId = parent?.[1] ?? randomBytes(16).toString('hex');
      // A caller can keep its trace from being sampled; a trace that its caller wants sampled gets the same chance as
      // any other.
      const refused = parent !== null && (Number.parseInt(parent[2] ?? '', 16) & 1) === 0;
      const flags = !refused && shareOf(traceId) < rate ? '01' : '00';
      headers['traceparent'] = `00-${traceId}-${randomBytes(8).toString('hex')}-${flags}`;
      return undefined;
    },
  };
}

/** The trace's place between 0 and 1: the same for every gateway that it passes. */
function shareOf(traceId: string): number {
  return Number.parseInt(traceId.slice(-13), 16) / 2 ** 52;
}
