// An event as it lies in the outbox and goes to Kafka: a CloudEvent keyed by account, with the account's sequence number.

import { v7 } from 'uuid';

export interface OutboxEvent {
  /** uuidv7; consumers are idempotent by it. */
  readonly id: string;
  readonly topic: string;
  /** `one-gate.<noun>.<past-tense verb>` */
  readonly type: string;
  readonly source: string;
  /** The operation it is about. */
  readonly subject: string;
  /** The account, so that its events stay in one partition. */
  readonly partitionKey: string;
  /** The number of the leg it tells of: events may arrive out of order. */
  readonly sequence: string;
  /** JSON text. */
  readonly data: string;
  readonly traceparent: string | null;
}

/** An event with an id of its own, or the one given: an operation that has one event may lend it its id. */
export function newEvent({
  id = v7(),
  ...event
}: Omit<OutboxEvent, 'id' | 'data'> & { id?: string; data: unknown }): OutboxEvent {
  return { ...event, id, data: JSON.stringify(event.data) };
}
