// The fields of manifests that the local platform plays. Others may be there: checking them is the cluster's schemas' business.

import * as v from 'valibot';
import { deliverySchema } from './delivery.ts';

const keyRef = v.looseObject({ name: v.string(), key: v.string(), optional: v.optional(v.boolean(), false) });
export const env = v.union([
  v.strictObject({ name: v.string(), value: v.string() }),
  v.strictObject({
    name: v.string(),
    valueFrom: v.union([v.strictObject({ secretKeyRef: keyRef }), v.strictObject({ configMapKeyRef: keyRef })]),
  }),
]);
const container = v.looseObject({
  args: v.pipe(v.array(v.string()), v.minLength(1)),
  env: v.optional(v.array(env), []),
});
const annotations = v.optional(v.record(v.string(), v.string()), {});
const named = v.looseObject({ name: v.string() });
export const service = v.looseObject({
  metadata: named,
  spec: v.looseObject({
    template: v.looseObject({
      metadata: v.optional(v.looseObject({ annotations }), {}),
      spec: v.looseObject({
        containerConcurrency: v.optional(v.number(), 0),
        timeoutSeconds: v.optional(v.number(), 300),
        containers: v.tuple([container]),
      }),
    }),
  }),
});
export const sink = v.looseObject({
  ref: v.looseObject({ kind: v.string(), name: v.string() }),
  uri: v.optional(v.pipe(v.string(), v.startsWith('/'))),
});
/** Attributes that a source adds to each of its events. */
const ceOverrides = v.optional(v.strictObject({ extensions: v.optional(v.record(v.string(), v.string()), {}) }), {});
export const kafkaSource = v.looseObject({
  metadata: named,
  spec: v.looseObject({
    topics: v.pipe(v.array(v.string()), v.minLength(1)),
    consumerGroup: v.string(),
    initialOffset: v.optional(v.picklist(['earliest', 'latest']), 'latest'),
    consumers: v.optional(v.number(), 1),
    ordering: v.optional(v.picklist(['ordered', 'unordered']), 'ordered'),
    delivery: v.optional(deliverySchema),
    ceOverrides,
    sink,
  }),
});
export const kafkaSink = v.looseObject({ metadata: named, spec: v.looseObject({ topic: v.string() }) });
export const pingSource = v.looseObject({
  metadata: named,
  spec: v.looseObject({
    schedule: v.string(),
    timezone: v.optional(v.string(), 'UTC'),
    contentType: v.optional(v.string()),
    data: v.optional(v.string()),
    ceOverrides,
    sink,
  }),
});
export const kafkaTopic = v.looseObject({
  metadata: named,
  spec: v.looseObject({ topicName: v.optional(v.string()), partitions: v.number() }),
});
