// Publishes events at once after their commit, off the response path. What could not be sent stays in the outbox for relay-outbox.
// Sends batch naturally too: what comes while one is in flight goes together in the next.

import { eventSink } from '../environment.ts';
import { beforeShutdown } from '../shutdown.ts';
import { log } from '../telemetry/log.ts';
import type { OutboxEvent } from './event.ts';
import { removeFromOutbox } from './outbox.ts';
import type { Sender } from './sender.ts';

const LARGEST_SEND = 500;
/** Events gather for this long: what a send costs here and in Kafka is shared by more of them, and nobody waits for it. */
const GATHER_MS = 20;
/** The first ones of an instance wait until its first answer is out: loading Kafka's client would be in its way. */
const FIRST_GATHER_MS = 250;
/** Beyond this the memory of the process matters more than speed: relay-outbox will find them. */
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

/** Sends the events and takes them out of the outbox. Returns how many were sent; throws when the way is blocked. */
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
  // In the same turn as the last look at the backlog: an event that comes later starts the work anew.
  publishing = undefined;
}

async function openSender(): Promise<Sender> {
  const sink = eventSink();
  // Both are loaded when first needed: kafkajs is the larger half of a cold start.
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
