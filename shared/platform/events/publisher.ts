// Publishes events right after their commit, off the response path. Events that cannot be sent stay in the outbox for
// relay-outbox. Sends batch naturally, too: events that come while one is in flight share the next.

import { eventSink } from '../environment.ts';
import { beforeShutdown } from '../shutdown.ts';
import { log } from '../telemetry/log.ts';
import type { OutboxEvent } from './event.ts';
import { removeFromOutbox } from './outbox.ts';
import type { Sender } from './sender.ts';

const LARGEST_SEND = 500;
/**
 * Events gather for this long, so that more of them share the cost of a send here and in Kafka. No caller waits for
 * them.
 */
const GATHER_MS = 20;
/**
 * The first events of an instance wait until its first answer is out, because loading Kafka's client would delay it.
 */
const FIRST_GATHER_MS = 250;
/** Beyond this many, events are left to relay-outbox to save memory. */
const LARGEST_BACKLOG = 10_000;

let backlog: OutboxEvent[] = [];
let publishing: Promise<void> | undefined;
let sender: Promise<Sender> | undefined;

/** Takes committed events and returns at once. */
export function publish(events: readonly OutboxEvent[]): void {
  if (backlog.length + events.length > LARGEST_BACKLOG) {
    log.warn({ events: events.length }, 'the publisher is behind: these events are left to relay-outbox');
    return;
  }
  backlog.push(...events);
  publishing ??= publishBacklog();
}

/**
 * Sends the events and removes them from the outbox. Returns the number sent. Throws if Kafka or the sink cannot be
 * reached.
 */
export async function send(events: readonly OutboxEvent[]): Promise<number> {
  sender ??= openSender();
  const sent = await (await sender).send(events);
  await removeFromOutbox(sent.map(({ id }) => id));
  return sent.length;
}

async function publishBacklog(): Promise<void> {
  do {
    await new Promise((resolve) => setTimeout(resolve, sender ? GATHER_MS : FIRST_GATHER_MS));
    const events = backlog.splice(0, LARGEST_SEND);
    try {
      await send(events);
    } catch (error) {
      const left = events.length + backlog.length;
      backlog = [];
      log.warn({ error, events: left }, 'events could not be published: they are left to relay-outbox');
    }
  } while (backlog.length > 0);
  // Runs in the same turn as the last check of the backlog, so that a later event starts the work again.
  publishing = undefined;
}

async function openSender(): Promise<Sender> {
  const sink = eventSink();
  // Both are loaded at the first use: kafkajs is the larger half of a cold start.
  return 'brokers' in sink
    ? (await import('./send-to-kafka.ts')).openKafka(sink.brokers)
    : (await import('./send-to-sink.ts')).openSink(sink.sink);
}

beforeShutdown('work', async () => {
  await publishing;
});
beforeShutdown('connections', async () => {
  const open = sender;
  sender = undefined;
  await open?.then((opened) => opened.close()).catch(() => undefined);
});
