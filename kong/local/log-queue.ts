// Kong's queue between a log and its receiver (kong/tools/queue.lua): entries wait a moment for each other, go
// together, and are sent again, ever more slowly, until the receiver takes them or their time is over.

import { setTimeout as sleep } from 'node:timers/promises';

export interface QueueSettings {
  maxBatchSize: number;
  coalescingMs: number;
  maxEntries: number;
  maxRetryMs: number;
  initialDelayMs: number;
  maxDelayMs: number;
}

/** Posts one body; throws a sentence when the receiver did not take it. */
export type Post = (body: string) => Promise<void>;

interface Queue {
  /** An entry is JSON. */
  add(entry: string): void;
  /** Sends the waiting entries, at once and for a few seconds at most. */
  stop(): Promise<void>;
}

export interface LogQueues {
  /** One queue for all plugins that post to the same place; the first plugin sets its options. */
  to(place: string, settings: QueueSettings, post: Post): Pick<Queue, 'add'>;
  stop(): Promise<void>;
}

/** Kong gives its workers longer. Here the stop must not wait for a function that does not come back. */
const STOP_MS = 5_000;

export function startLogQueues(warn: (sentence: string) => void): LogQueues {
  const queues = new Map<string, Queue>();
  return {
    to: (place, settings, post) => {
      const queue = queues.get(place) ?? startQueue(place, settings, post, warn);
      queues.set(place, queue);
      return queue;
    },
    stop: async () => {
      await Promise.all([...queues.values()].map((queue) => queue.stop()));
    },
  };
}

function startQueue(place: string, settings: QueueSettings, post: Post, warn: (sentence: string) => void): Queue {
  const entries: string[] = [];
  const ending = new AbortController();
  let full = new AbortController();
  let working: Promise<void> | undefined;
  let giveUpAt = Number.POSITIVE_INFINITY;

  async function work(): Promise<void> {
    while (entries.length > 0) {
      if (entries.length < settings.maxBatchSize) {
        full = new AbortController();
        await pause(settings.coalescingMs, AbortSignal.any([full.signal, ending.signal]));
      }
      await send(entries.splice(0, settings.maxBatchSize));
    }
    working = undefined;
  }

  async function send(batch: string[]): Promise<void> {
    // A single entry when the batch size is one; otherwise always a list.
    const body = settings.maxBatchSize === 1 ? (batch[0] ?? '') : `[${batch.join(',')}]`;
    const begun = Date.now();
    let reason = 'there was no time left for it';
    for (let retry = 0; Date.now() <= Math.min(begun + settings.maxRetryMs, giveUpAt); retry += 1) {
      try {
        return await post(body);
      } catch (error) {
        reason = (error as Error).message;
      }
      const delay = Math.min(settings.maxDelayMs, 2 ** retry * settings.initialDelayMs);
      if (ending.signal.aborted) await sleep(Math.min(delay, 100));
      else await pause(delay, ending.signal);
    }
    const seconds = Math.ceil((Date.now() - begun) / 1000);
    warn(`${place} has not taken ${batch.length} log entries in ${seconds} s; they are lost (${reason}).`);
  }

  return {
    add: (entry) => {
      if (entries.length >= settings.maxEntries) {
        entries.shift();
        warn(`The log entries for ${place} are too many: the oldest is lost.`);
      }
      entries.push(entry);
      if (entries.length >= settings.maxBatchSize) full.abort();
      working ??= work();
    },
    stop: async () => {
      giveUpAt = Date.now() + STOP_MS;
      ending.abort();
      await working;
    },
  };
}

/** Sleeps, unless the signal wakes it. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => undefined);
}
