// How events leave: to Kafka or to a sink.

import type { OutboxEvent } from './event.ts';

/** Hands events to Kafka or a sink; resolves when they are safe there, and says which they are: a sink may take only some. */
export interface Sender {
  send(events: readonly OutboxEvent[]): Promise<readonly OutboxEvent[]>;
  close(): Promise<void>;
}
