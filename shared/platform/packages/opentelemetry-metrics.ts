// Metrics for a collector.

export { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-http';
export { resourceFromAttributes } from '@opentelemetry/resources';
export { MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
