// An outbox event as a CloudEvent 1.0. Kafka (structured: one JSON object) and HTTP (binary: headers) carry the same
// attributes.

import type { OutboxEvent } from './event.ts';

/** The attributes, without a protocol's prefix. */
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

/** The whole event as the text of one JSON object. Its data is JSON text already and is not parsed. */
export function structured(event: OutboxEvent): string {
  const attributes = JSON.stringify({ ...attributesOf(event), datacontenttype: 'application/json' });
  return `${attributes.slice(0, -1)},"data":${event.data}}`;
}

/** The time in a uuidv7. */
function timeOf(id: string): string {
  return new Date(Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16)).toISOString();
}
