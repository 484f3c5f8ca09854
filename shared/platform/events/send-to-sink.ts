// Sends events to the sink that Knative or the local platform injects (a KafkaSink, a Broker), with one HTTP request
// each.

import { attributesOf } from './cloudevent.ts';
import type { OutboxEvent } from './event.ts';
import type { Sender } from './sender.ts';

const SEND_TIMEOUT_MS = 5_000;
const AT_ONCE = 20;

/** `sink`: the address for events. `{topic}` in it becomes the event's topic. */
export function openSink(sink: string): Sender {
  return {
    send: async (events) => {
      const sent: OutboxEvent[] = [];
      for (let start = 0; start < events.length; start += AT_ONCE) {
        const some = events.slice(start, start + AT_ONCE);
        const results = await Promise.allSettled(some.map((event) => postEvent(sink, event)));
        for (const [index, result] of results.entries()) {
          if (result.status === 'fulfilled') sent.push(some[index] as OutboxEvent);
        }
      }
      if (sent.length === 0 && events.length > 0) throw new Error('the sink took none of the events');
      return sent;
    },
    close: async () => undefined,
  };
}

async function postEvent(sink: string, event: OutboxEvent): Promise<void> {
  const headers: Record<string, string> = { 'content-type': 'application/json', 'ce-partitionkey': event.partitionKey };
  for (const [name, value] of Object.entries(attributesOf(event))) headers[`ce-${name}`] = value;
  const response = await fetch(sink.replace('{topic}', event.topic), {
    method: 'POST',
    headers,
    body: event.data,
    signal: AbortSignal.timeout(SEND_TIMEOUT_MS),
  });
  await response.arrayBuffer();
  if (!response.ok) throw new Error(`the sink answered ${response.status}`);
}
