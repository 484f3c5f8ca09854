// An event of the outbox as a binary CloudEvent: attributes as headers, data as the body. The same over Kafka and HTTP.

import type { OutboxEvent } from './event.ts';

/** Its attributes without the protocol's prefix (`ce_` in Kafka, `ce-` in HTTP); `partitionkey` is the message's key in Kafka. */
export function attributesOf(event: OutboxEvent): Record<string, string> {
  return {
    specversion: '1.0',
    id: event.id,
    type: event.type,
    source: event.source,
    subject: event.subject,
    time: timeOf(event.id),
    sequence: event.sequence,
    ...(event.traceparent && { traceparent: event.traceparent }),
  };
}

/** The moment a uuidv7 was made. */
function timeOf(id: string): string {
  return new Date(Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16)).toISOString();
}
