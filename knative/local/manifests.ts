// Reads a kustomization of knative/: the very manifests that operators deploy. Kinds that a laptop has no use for are refused by name, so that
// nothing is passed over in silence; checking every field is the cluster's schemas' business.

import * as v from 'valibot';
import { type Delivery, readDelivery } from './delivery.ts';
import { milliseconds } from './duration.ts';
import { renderKustomization } from './kustomize.ts';
import { type env, kafkaSink, kafkaSource, kafkaTopic, pingSource, service, type sink } from './manifest-schema.ts';

/** Knative's own defaults (config-autoscaler), where a manifest is silent. */
const AUTOSCALING = 'autoscaling.knative.dev/';

export type EnvironmentEntry =
  | { name: string; value: string }
  | { name: string; from: 'secret' | 'configMap'; object: string; key: string; optional: boolean };

export interface ServiceManifest {
  name: string;
  /** The functions that it hosts, or their folders: "wallet/pay". */
  args: readonly string[];
  environment: EnvironmentEntry[];
  /** Requests one instance works on at a time; 0 for no limit. */
  containerConcurrency: number;
  timeoutSeconds: number;
  scale: ScaleBounds;
}

export interface ScaleBounds {
  min: number;
  /** 0 for no limit. */
  max: number;
  /** How many instances a service that had none starts with. */
  activation: number;
  /** Requests in flight per instance that the autoscaler aims at, utilisation included. */
  target: number;
  /** The share that was taken of the smaller of target and containerConcurrency: 0.7 for 70 %. */
  utilization: number;
  windowMs: number;
  panicWindowMs: number;
  /** Times as much as the instances can take makes a panic: 2 for 200 %. */
  panicThreshold: number;
  scaleDownDelayMs: number;
  /** How long the last instance is kept after the window says zero. */
  retentionMs: number;
}

export interface Sink {
  service: string;
  path: string;
}

export interface KafkaSourceManifest {
  name: string;
  topics: string[];
  consumerGroup: string;
  fromBeginning: boolean;
  consumers: number;
  ordered: boolean;
  delivery: Delivery;
  /** Topic of the dead letters; undefined where none are kept. */
  deadLetterTopic: string | undefined;
  /** Added to each event. */
  extensions: Readonly<Record<string, string>>;
  sink: Sink;
}

export interface PingSourceManifest {
  name: string;
  schedule: string;
  timezone: string;
  contentType: string | undefined;
  data: string | undefined;
  /** Added to each event. */
  extensions: Readonly<Record<string, string>>;
  sink: Sink;
}

export interface Manifests {
  services: ServiceManifest[];
  kafkaSources: KafkaSourceManifest[];
  pingSources: PingSourceManifest[];
  topics: { name: string; partitions: number }[];
}

/** Throws a sentence with file and field for what cannot be played, unless kinds that it does not know are to be passed over. */
export async function readManifests(
  directory: string,
  otherKinds: 'refused' | 'passed over' = 'refused',
): Promise<Manifests> {
  const found: Manifests = { services: [], kafkaSources: [], pingSources: [], topics: [] };
  const deadLetterTopics = new Map<string, string>();
  const sources: { manifest: v.InferOutput<typeof kafkaSource>; file: string }[] = [];
  for (const { object, file } of await renderKustomization(directory)) {
    const kind = `${object.apiVersion} ${object.kind}`;
    if (kind === 'serving.knative.dev/v1 Service') found.services.push(toService(check(service, object, file), file));
    else if (kind === 'sources.knative.dev/v1 KafkaSource') {
      sources.push({ manifest: check(kafkaSource, object, file), file });
    } else if (kind === 'sources.knative.dev/v1 PingSource') {
      const { metadata, spec } = check(pingSource, object, file);
      found.pingSources.push({ ...pick(spec), name: metadata.name, sink: toSink(spec.sink, file) });
    } else if (kind === 'eventing.knative.dev/v1alpha1 KafkaSink') {
      const { metadata, spec } = check(kafkaSink, object, file);
      deadLetterTopics.set(metadata.name, spec.topic);
    } else if (kind === 'kafka.strimzi.io/v1 KafkaTopic') {
      const { metadata, spec } = check(kafkaTopic, object, file);
      found.topics.push({ name: spec.topicName ?? metadata.name, partitions: spec.partitions });
    } else if (otherKinds === 'refused') throw new Error(`${file}: the local platform does not know a ${kind}.`);
  }
  found.kafkaSources = sources.map(({ manifest, file }) => toKafkaSource(manifest, deadLetterTopics, file));
  refuseStrangers(found);
  return found;
}

function toService({ metadata, spec }: v.InferOutput<typeof service>, file: string): ServiceManifest {
  const { containerConcurrency, timeoutSeconds, containers } = spec.template.spec;
  return {
    name: metadata.name,
    args: containers[0].args,
    environment: containers[0].env.map(toEntry),
    containerConcurrency,
    timeoutSeconds,
    scale: toScale(spec.template.metadata.annotations ?? {}, containerConcurrency, file),
  };
}

function toEntry(entry: v.InferOutput<typeof env>): EnvironmentEntry {
  if ('value' in entry) return entry;
  const secret = 'secretKeyRef' in entry.valueFrom;
  const { name, key, optional } =
    'secretKeyRef' in entry.valueFrom ? entry.valueFrom.secretKeyRef : entry.valueFrom.configMapKeyRef;
  return { name: entry.name, from: secret ? 'secret' : 'configMap', object: name, key, optional };
}

function toScale(given: Record<string, string>, containerConcurrency: number, file: string): ScaleBounds {
  const text = (name: string) => given[AUTOSCALING + name];
  const number = (name: string, otherwise: number) => {
    const value = Number(text(name) ?? otherwise);
    if (!Number.isFinite(value)) throw new Error(`${file}: ${AUTOSCALING}${name} is not a number.`);
    return value;
  };
  const duration = (name: string, otherwise: number) => {
    const value = text(name);
    return value === undefined ? otherwise : milliseconds(value, `${file}: ${AUTOSCALING}${name}`);
  };
  if ((text('metric') ?? 'concurrency') !== 'concurrency') {
    throw new Error(`${file}: the local platform scales on concurrency only.`);
  }
  const hard = containerConcurrency === 0 ? Number.POSITIVE_INFINITY : containerConcurrency;
  const wanted = number('target', hard === Number.POSITIVE_INFINITY ? 100 : hard);
  const percent = number('target-utilization-percentage', 70);
  const windowMs = duration('window', 60_000);
  return {
    min: number('min-scale', 0),
    max: number('max-scale', 0),
    activation: number('activation-scale', 1),
    target: Math.max(0.01, (Math.min(wanted, hard) * percent) / 100),
    utilization: percent / 100,
    windowMs,
    panicWindowMs: (windowMs * number('panic-window-percentage', 10)) / 100,
    panicThreshold: number('panic-threshold-percentage', 200) / 100,
    scaleDownDelayMs: duration('scale-down-delay', 0),
    retentionMs: duration('scale-to-zero-pod-retention-period', 0),
  };
}

function toKafkaSource(
  { metadata, spec }: v.InferOutput<typeof kafkaSource>,
  deadLetterTopics: ReadonlyMap<string, string>,
  file: string,
): KafkaSourceManifest {
  const letters = spec.delivery?.deadLetterSink?.ref;
  const deadLetterTopic = letters && deadLetterTopics.get(letters.name);
  if (letters && deadLetterTopic === undefined) throw new Error(`${file}: there is no KafkaSink ${letters.name}.`);
  return {
    name: metadata.name,
    topics: spec.topics,
    consumerGroup: spec.consumerGroup,
    fromBeginning: spec.initialOffset === 'earliest',
    consumers: spec.consumers,
    ordered: spec.ordering === 'ordered',
    delivery: readDelivery(spec.delivery, file),
    deadLetterTopic,
    extensions: spec.ceOverrides.extensions ?? {},
    sink: toSink(spec.sink, file),
  };
}

function toSink({ ref, uri }: v.InferOutput<typeof sink>, file: string): Sink {
  if (ref.kind !== 'Service') throw new Error(`${file}: a sink must be a Service, not a ${ref.kind}.`);
  return { service: ref.name, path: uri ?? '/' };
}

function pick({ schedule, timezone, contentType, data, ceOverrides }: v.InferOutput<typeof pingSource>['spec']) {
  return { schedule, timezone, contentType, data, extensions: ceOverrides.extensions ?? {} };
}

// A typing error in a name would otherwise only show as an event that never arrives.
function refuseStrangers({ services, kafkaSources, pingSources, topics }: Manifests): void {
  const known = new Set(services.map(({ name }) => name));
  for (const { name, sink } of [...kafkaSources, ...pingSources]) {
    if (!known.has(sink.service))
      throw new Error(`The source ${name} names a Service ${sink.service} that does not exist.`);
  }
  const topicNames = new Set(topics.map(({ name }) => name));
  for (const { name, topics: wanted, deadLetterTopic } of kafkaSources) {
    for (const topic of [...wanted, ...(deadLetterTopic ? [deadLetterTopic] : [])]) {
      if (!topicNames.has(topic)) throw new Error(`The source ${name} names a topic ${topic} that has no KafkaTopic.`);
    }
  }
}

function check<Schema extends v.GenericSchema>(schema: Schema, value: unknown, file: string): v.InferOutput<Schema> {
  const result = v.safeParse(schema, value);
  if (result.success) return result.output;
  const [issue] = result.issues;
  throw new Error(`${file}: ${v.getDotPath(issue) ?? 'the document'}: ${issue.message}.`);
}
