// The interface of Kafka and of a sink.

import type { OutboxEvent } from './event.ts';

/** Sends events. Resolves with those that are stored safely, because a sink may take only some. */
export interface Sender {
  send(events: readonly OutboxEvent[]): Promise<readonly OutboxEvent[]>;
  close(): Promise<void>;
}
