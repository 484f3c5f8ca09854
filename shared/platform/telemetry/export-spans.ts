// Exports spans to the OpenTelemetry collector. Loaded only if a collector is configured.

import type { Span, Tracer } from '@opentelemetry/api';
import type { NodeTracerProvider as Provider } from '@opentelemetry/sdk-trace-node';
import {
  BatchSpanProcessor,
  context,
  NodeTracerProvider,
  OTLPTraceExporter,
  resourceFromAttributes,
  SpanKind,
  SpanStatusCode,
  trace,
} from '../packages/opentelemetry.ts';

let provider: Provider | undefined;
let tracer: Tracer | undefined;

export function start(service: string): void {
  provider = new NodeTracerProvider({
    resource: resourceFromAttributes({ 'service.name': service, 'service.namespace': 'one-gate' }),
    spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter(), { maxExportBatchSize: 100 })],
  });
  tracer = provider.getTracer('one-gate');
}

export async function flush(): Promise<void> {
  await provider?.shutdown();
}

export function startSpan(name: string, parent: string | undefined, kind: 'server' | 'consumer') {
  if (!tracer) throw new Error('start must come first');
  const spanKind = kind === 'server' ? SpanKind.SERVER : SpanKind.CONSUMER;
  const span = tracer.startSpan(name, { kind: spanKind }, parent ? remoteParent(parent) : context.active());
  const { traceId, spanId, traceFlags } = span.spanContext();
  return {
    traceparent: `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`,
    traceId,
    end: (attributes: Record<string, string | number>) => end(span, attributes),
  };
}

function remoteParent(traceparent: string) {
  const [, traceId = '', spanId = '', flags = '00'] = traceparent.split('-');
  const spanContext = { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true };
  return trace.setSpanContext(context.active(), spanContext);
}

function end(span: Span, attributes: Record<string, string | number>): void {
  span.setAttributes(attributes);
  const status = attributes['http.response.status_code'];
  if (typeof status === 'number' && status >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
  span.end();
}
