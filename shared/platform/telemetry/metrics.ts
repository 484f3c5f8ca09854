// Metrics are pushed to the OpenTelemetry collector, as spans are, because an instance may scale to zero before a
// scrape. A function with figures pushes them at the end of its run, and the drain pushes, too. The exporter is loaded
// only if a collector is configured.

import { traceEndpoint } from '../environment.ts';
import { beforeShutdown } from '../shutdown.ts';
import { log } from './log.ts';
import { telemetryService } from './trace.ts';

export type Attributes = Readonly<Record<string, string>>;

type Exporter = typeof import('./export-metrics.ts');
let exporter: Promise<Exporter> | undefined;

/** Sets the present value, which stays until the next call. `name` as in `one_gate.findings.open`. */
export function setGauge(name: string, value: number, attributes: Attributes = {}): void {
  record((to) => to.setGauge(name, value, attributes));
}

export function addToCounter(name: string, value: number, attributes: Attributes = {}): void {
  record((to) => to.addToCounter(name, value, attributes));
}

/** Sends all recorded figures. A failure is logged and does not fail the run. */
export async function pushMetrics(): Promise<void> {
  try {
    await (await exporter)?.push();
  } catch (error) {
    log.warn({ error }, 'metrics could not be pushed');
  }
}

function record(write: (to: Exporter) => void): void {
  if (!traceEndpoint()) return;
  exporter ??= load();
  // Keeps the order, because a promise runs its callbacks in the order of registration.
  exporter.then(write, () => undefined);
}

async function load(): Promise<Exporter> {
  const loaded = await import('./export-metrics.ts');
  loaded.start(telemetryService());
  beforeShutdown('telemetry', pushMetrics);
  return loaded;
}
