// Metrics: pushed to the OpenTelemetry collector, as spans are, and like them only loaded where one is configured. An instance may
// scale to zero before anybody could have scraped it: whoever has figures pushes them at the end of its run, and the drain does.

import { traceEndpoint } from '../environment.ts';
import { beforeShutdown } from '../shutdown.ts';
import { log } from './log.ts';
import { telemetryService } from './trace.ts';

export type Attributes = Readonly<Record<string, string>>;

type Exporter = typeof import('./export-metrics.ts');
let exporter: Promise<Exporter> | undefined;

/** What it is now; stays until it is set again. `name` as in `one_gate.findings.open`. */
export function setGauge(name: string, value: number, attributes: Attributes = {}): void {
  record((to) => to.setGauge(name, value, attributes));
}

export function addToCounter(name: string, value: number, attributes: Attributes = {}): void {
  record((to) => to.addToCounter(name, value, attributes));
}

/** Sends everything that was recorded so far. A collector that is away is logged: it must not fail the run. */
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
  // In order: every promise's callbacks run in the order they were given.
  exporter.then(write, () => undefined);
}

async function load(): Promise<Exporter> {
  const loaded = await import('./export-metrics.ts');
  loaded.start(telemetryService());
  beforeShutdown('telemetry', pushMetrics);
  return loaded;
}
