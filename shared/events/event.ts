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

export function newEvent(event: Omit<OutboxEvent, 'id' | 'data'> & { data: unknown }): OutboxEvent {
  return { ...event, id: v7(), data: JSON.stringify(event.data) };
}
