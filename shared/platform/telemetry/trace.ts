// One trace per request, carried as W3C traceparent through HTTP and Kafka. Without a collector only the ids travel,
// which costs a microsecond. With a collector the SDK exports spans; it is loaded only then, because it slows cold
// starts.

import { randomBytes } from 'node:crypto';
import { traceEndpoint } from '../environment.ts';

export interface Trace {
  /** The value to pass on: `00-<trace id>-<span id>-<flags>`. */
  readonly traceparent: string;
  readonly traceId: string;
  end(attributes: Record<string, string | number>): void;
}

const TRACEPARENT = /^00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})$/;

type Exporter = typeof import('./export-spans.ts');
let exporter: Exporter | undefined;
let served = 'one-gate';

/** Loads the span exporter if a collector is configured. The host calls it before it serves. */
export async function startTelemetry(service: string): Promise<void> {
  served = service;
  if (!traceEndpoint()) return;
  exporter = await import('./export-spans.ts');
  exporter.start(service);
}

/** The Service that this process belongs to. */
export function telemetryService(): string {
  return served;
}

/** Sends the spans that are still in memory. */
export async function flushTelemetry(): Promise<void> {
  await exporter?.flush();
}

/** Begins this function's part of a trace: the parent's trace if a well-formed one was passed, else a new one. */
export function startTrace(name: string, parent: string | undefined, kind: 'server' | 'consumer' = 'server'): Trace {
  const parsed = parent ? TRACEPARENT.exec(parent) : null;
  if (exporter) return exporter.startSpan(name, parsed ? parent : undefined, kind);
  const traceId = parsed?.[1] ?? hex(16);
  return { traceparent: `00-${traceId}-${hex(8)}-${parsed?.[3] ?? '00'}`, traceId, end: () => undefined };
}

// Random bytes are fetched in larger pieces, because a system call per request is most of the cost of an id.
let pool = '';
let position = 0;
function hex(bytes: number): string {
  if (position + bytes * 2 > pool.length) {
    pool = randomBytes(4096).toString('hex');
    position = 0;
  }
  position += bytes * 2;
  return pool.slice(position - bytes * 2, position);
}
