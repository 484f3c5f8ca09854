// Plays one PingSource: posts its event at its times, with the few quick retries of Knative's adapter.

import { randomUUID } from 'node:crypto';
import { Cron } from 'croner';
import type { Dispatcher } from 'undici';
import { type Delivery, deliver, type EventMessage } from './delivery.ts';
import { withExtensions } from './event-message.ts';
import { clusterAddress, NAMESPACE } from './ingress.ts';
import type { PingSourceManifest } from './manifests.ts';

/** The adapter's own: it has no delivery in the manifest. */
const DELIVERY: Delivery = { retry: 5, backoffDelayMs: 50, exponential: true, timeoutMs: 60_000 };

export interface RunningSchedule {
  name: string;
  stop(): void;
}

/** Throws a sentence when the schedule cannot be read. */
export function startPingSource(
  manifest: PingSourceManifest,
  ingress: Dispatcher,
  log: (sentence: string) => void,
): RunningSchedule {
  const { name, schedule, timezone, sink } = manifest;
  const ending = new AbortController();
  const address = { url: new URL(clusterAddress(sink.service, sink.path)), ingress };
  const fire = async () => {
    const result = await deliver(
      address,
      withExtensions(toEvent(manifest), manifest.extensions),
      DELIVERY,
      ending.signal,
    ).catch(() => 'delivered' as const);
    if (result === 'delivered') return;
    const why = result.knativeerrorcode ? `answered ${result.knativeerrorcode}` : 'could not be reached';
    log(`PingSource ${name}: ${sink.service} ${why}; the next time is its next chance`);
  };
  let cron: Cron;
  try {
    // Like Knative's, a run does not wait for the one before it: the function's containerConcurrency keeps them apart.
    cron = new Cron(schedule, { timezone, unref: true }, () => void fire());
  } catch (error) {
    throw new Error(`PingSource ${name}: ${schedule} in ${timezone} is not a schedule: ${(error as Error).message}`);
  }
  return {
    name,
    stop() {
      cron.stop();
      ending.abort();
    },
  };
}

function toEvent({ name, data, contentType }: PingSourceManifest): EventMessage {
  return {
    headers: {
      'ce-specversion': '1.0',
      'ce-type': 'dev.knative.sources.ping',
      'ce-source': `/apis/v1/namespaces/${NAMESPACE}/pingsources/${name}`,
      'ce-id': randomUUID(),
      'ce-time': new Date().toISOString(),
      ...(contentType && { 'content-type': contentType }),
    },
    body: Buffer.from(data ?? ''),
  };
}
