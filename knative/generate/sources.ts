// The sources of events that declarations name: a PingSource for each schedule, a KafkaSource with its dead letters for each function that
// reads topics. Each posts to the Service that hosts its function, at the function's own path.

import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { EventSource } from '../../shared/platform/http/function.ts';
import { declaredFunctions, hostsOf, ROOT, writtenServices } from '../functions.ts';
import { wrapped } from '../local/table.ts';

const WRITTEN = '`make generate` writes this file';

export async function declaredSources(): Promise<string> {
  const functions = await declaredFunctions();
  const hosts = hostsOf(
    functions.map(({ path }) => path),
    await writtenServices(join(ROOT, 'knative/base/services')),
  );
  const objects = functions.flatMap(({ path, declaration: { name, summary, event } }) =>
    event?.source ? [objectsOf(event.source, name, summary, hosts.get(path)?.name ?? '')] : [],
  );
  return `# Schedules and topics that wake functions. ${WRITTEN} from the declarations.
${objects.join('---\n')}`;
}

/** Lists every manifest of the folder, so that a new one needs no line of its own. */
export async function kustomizationOfBase(): Promise<string> {
  const services = (await readdir(join(ROOT, 'knative/base/services'))).filter((name) => name.endsWith('.yaml')).sort();
  const resources = [...services.map((name) => `services/${name}`), 'sources.yaml', 'providers.yaml', 'topics.yaml'];
  return `# Everything that runs: Services with their functions, what wakes them, topics. ${WRITTEN} from the folder beside it.
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
components: [../function]
resources: [
${wrapped(`${resources.join(', ')},`).replace(/^/gm, '  ')}
]
patches:
  - { path: every-schedule.yaml, target: { kind: PingSource } }
  - { path: every-kafka-source.yaml, target: { kind: KafkaSource } }
`;
}

function objectsOf(source: EventSource, name: string, summary: string, host: string): string {
  if ('topics' in source) return kafkaSource({ name, topics: source.topics, summary, function: name, host });
  return `# ${summary}.
apiVersion: sources.knative.dev/v1
kind: PingSource
metadata: { name: ${name} }
spec: { schedule: "${source.schedule}", sink: { ref: { name: ${host} }, uri: /events/${name} } }
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

/**
 * The source, its dead-letter sink, and the topic of its dead letters, which is that of the first topic. Fields that all sources share are
 * in every-kafka-source.yaml.
 */
export function kafkaSource({ name, topics, summary, function: reader, host }: TopicReader): string {
  const letters = `${topics[0]}.dead-letters`;
  return `# ${summary}.
apiVersion: sources.knative.dev/v1
kind: KafkaSource
metadata: { name: ${name} }
spec:
  topics: [${topics.join(', ')}]
  consumerGroup: ${name}
  delivery: { deadLetterSink: { ref: { name: ${name}-dead-letters } } }
  sink: { ref: { name: ${host} }, uri: /events/${reader} }
---
apiVersion: eventing.knative.dev/v1alpha1
kind: KafkaSink
metadata: { name: ${name}-dead-letters }
spec: { bootstrapServers: [one-gate-kafka-bootstrap.one-gate.svc:9092], topic: ${letters}, contentMode: binary }
---
# Events that ${reader} could not use, with the reason in knativeerror* attributes. Kept longer: a person looks at them.
apiVersion: kafka.strimzi.io/v1
kind: KafkaTopic
metadata: { name: ${letters}, labels: { strimzi.io/cluster: one-gate } }
spec: { partitions: 3, config: { retention.ms: 2419200000 } }
`;
}
