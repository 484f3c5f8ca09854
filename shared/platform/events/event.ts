// An event in the outbox and in Kafka: a CloudEvent keyed by account, with the account's sequence number.

import { v7 } from 'uuid';

export interface OutboxEvent {
  /** A uuidv7. Consumers recognise a repeated event by it. */
  readonly id: string;
  readonly topic: string;
  /** `one-gate.<noun>.<past-tense verb>` */
  readonly type: string;
  readonly source: string;
  /** The operation of the event. */
  readonly subject: string;
  /** The account, so that its events stay in one partition. */
  readonly partitionKey: string;
  /** The number of the event's leg, because events may arrive out of order. */
  readonly sequence: string;
  /** JSON text. */
  readonly data: string;
  readonly traceparent: string | null;
}

/** Makes an event with a new id or the given one: an operation with a single event may use its own id. */
export function newEvent({
  id = v7(),
  ...event
}: Omit<OutboxEvent, 'id' | 'data'> & { id?: string; data: unknown }): OutboxEvent {
  return { ...event, id, data: JSON.stringify(event.data) };
}
