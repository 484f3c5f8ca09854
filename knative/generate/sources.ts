// The sources of events that declarations name: a PingSource for each schedule, a KafkaSource with its dead letters for
// each function that reads topics. Each posts to the Service that hosts its function, at the function's own path.

import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { EventSource } from '../../shared/platform/http/function.ts';
import { declaredFunctions, hostsOf, ROOT, writtenServices } from '../functions.ts';

const WRITTEN = '`make generate` writes this file';
/** Longer than any function that takes events may run. */
const ATTEMPT = 'PT60S';

export async function declaredSources(): Promise<string> {
  const functions = await declaredFunctions();
  const hosts = hostsOf(
    functions.map(({ path }) => path),
    await writtenServices(join(ROOT, 'knative/base/services')),
  );
  const objects = functions.flatMap(({ path, declaration: { name, summary, event } }) =>
    event?.source ? [objectsOf(event.source, name, summary, hosts.get(path)?.name ?? '')] : [],
  );
  return `# What wakes functions: schedules and topics. ${WRITTEN} from the declarations.
# All events of schedules have one type, so each source names its function in the path.
${objects.join('---\n')}`;
}

/** Lists every manifest of the folder, so that a new one needs no line of its own. */
export async function kustomizationOfBase(): Promise<string> {
  const base = join(ROOT, 'knative/base');
  const files = (await readdir(base, { recursive: true })).filter((name) =>
    /^(services|topics)\/[\w-]+\.yaml$/.test(name),
  );
  const resources = [...files, 'sources.yaml', 'providers.yaml'].sort();
  return `# Everything that runs: Services with their functions, what wakes them, topics. ${WRITTEN} from the folders beside it.
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
components: [../function]
resources:
${resources.map((name) => `  - ${name}\n`).join('')}`;
}

function objectsOf(source: EventSource, name: string, summary: string, host: string): string {
  if ('topics' in source) return kafkaSource({ name, topics: source.topics, summary, function: name, host });
  return `# ${summary}.
apiVersion: sources.knative.dev/v1
kind: PingSource
metadata: { name: ${name}, labels: { app.kubernetes.io/part-of: one-gate } }
spec:
  schedule: "${source.schedule}"
  timezone: Asia/Jakarta
  contentType: application/json
  data: '{}'
  sink:
    ref: { apiVersion: serving.knative.dev/v1, kind: Service, name: ${host} }
    uri: /events/${name}
`;
}

export interface TopicReader {
  /** Of the source, and of its consumer group, which cannot be changed once it is deployed. */
  name: string;
  topics: readonly string[];
  summary: string;
  function: string;
  host: string;
}

/** The source, its dead-letter sink, and the topic of its dead letters, which is that of the first topic. */
export function kafkaSource({ name, topics, summary, function: reader, host }: TopicReader): string {
  const labels = '{ app.kubernetes.io/part-of: one-gate }';
  const letters = `${topics[0]}.dead-letters`;
  return `# ${summary}. Unordered: one slow event holds up no other. Retried for about four minutes, then kept as a dead letter.
apiVersion: sources.knative.dev/v1
kind: KafkaSource
metadata: { name: ${name}, labels: ${labels} }
spec:
  bootstrapServers: [one-gate-kafka-bootstrap.one-gate.svc:9092]
  topics: [${topics.join(', ')}]
  consumerGroup: ${name}
  initialOffset: earliest
  consumers: 3
  ordering: unordered
  delivery:
    timeout: ${ATTEMPT}
    retry: 8
    backoffPolicy: exponential
    backoffDelay: PT0.5S
    deadLetterSink:
      ref: { apiVersion: eventing.knative.dev/v1alpha1, kind: KafkaSink, name: ${name}-dead-letters }
  sink:
    ref: { apiVersion: serving.knative.dev/v1, kind: Service, name: ${host} }
    uri: /events/${reader}
---
apiVersion: eventing.knative.dev/v1alpha1
kind: KafkaSink
metadata: { name: ${name}-dead-letters, labels: ${labels} }
spec: { bootstrapServers: [one-gate-kafka-bootstrap.one-gate.svc:9092], topic: ${letters}, contentMode: binary }
---
# Events that ${reader} could not use, with the reason in knativeerror* attributes. Kept longer: a person looks at them.
apiVersion: kafka.strimzi.io/v1
kind: KafkaTopic
metadata: { name: ${letters}, labels: { strimzi.io/cluster: one-gate, app.kubernetes.io/part-of: one-gate } }
spec: { partitions: 3, config: { retention.ms: 2419200000 } }
`;
}
