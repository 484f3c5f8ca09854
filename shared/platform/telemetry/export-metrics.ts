// Exports metrics to the OpenTelemetry collector. Loaded with the first figure, and only if a collector is configured.

import type { Attributes, Counter, Gauge, Meter } from '@opentelemetry/api';
import type { MeterProvider as Provider } from '@opentelemetry/sdk-metrics';
import {
  MeterProvider,
  OTLPMetricExporter,
  PeriodicExportingMetricReader,
  resourceFromAttributes,
} from '../packages/opentelemetry-metrics.ts';

const EXPORT_EVERY_MS = 60_000;
/** Bounds the wait for a collector that does not answer. */
const EXPORT_TIMEOUT_MS = 3_000;

let provider: Provider | undefined;
let meter: Meter | undefined;
const gauges = new Map<string, Gauge>();
const counters = new Map<string, Counter>();

export function start(service: string): void {
  provider = new MeterProvider({
    resource: resourceFromAttributes({ 'service.name': service, 'service.namespace': 'one-gate' }),
    readers: [
      new PeriodicExportingMetricReader({
        exporter: new OTLPMetricExporter({ timeoutMillis: EXPORT_TIMEOUT_MS }),
        exportIntervalMillis: EXPORT_EVERY_MS,
        exportTimeoutMillis: EXPORT_TIMEOUT_MS,
      }),
    ],
  });
  meter = provider.getMeter('one-gate');
}

export function setGauge(name: string, value: number, attributes: Attributes): void {
  instrument(gauges, name, (from) => from.createGauge(name)).record(value, attributes);
}

export function addToCounter(name: string, value: number, attributes: Attributes): void {
  instrument(counters, name, (from) => from.createCounter(name)).add(value, attributes);
}

export async function push(): Promise<void> {
  await provider?.forceFlush();
}

function instrument<Instrument>(known: Map<string, Instrument>, name: string, make: (from: Meter) => Instrument) {
  if (!meter) throw new Error('start must come first');
  const found = known.get(name) ?? make(meter);
  known.set(name, found);
  return found;
}
