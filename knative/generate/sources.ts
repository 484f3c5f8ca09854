// The sources of events that declarations name: a PingSource for each schedule, a KafkaSource with its dead letters for
// each function that reads topics. Each posts to the Service that hosts its function, at the function's own path.

import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { EventSource } from '../../shared/platform/http/function.ts';
import { declaredFunctions, hostsOf, ROOT, writtenServices } from '../functions.ts';

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
  return `# What wakes functions: schedules and topics. ${WRITTEN} from the declarations.
${objects.join('---\n')}`;
}

/** Lists every Service, so that the manifest of a new one needs no line of its own. */
export async function kustomizationOfBase(): Promise<string> {
  const services = (await readdir(join(ROOT, 'knative/base/services'))).filter((name) => name.endsWith('.yaml')).sort();
  return `# Everything that runs: Services with their functions, what wakes them, topics. ${WRITTEN} from the folder beside it.
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
components: [../function]
resources:
  [
${inRows([...services.map((name) => `services/${name}`), 'sources.yaml', 'topics.yaml', 'providers.yaml'])}
  ]
patches:
  - { path: every-schedule.yaml, target: { kind: PingSource } }
  - { path: every-kafka-source.yaml, target: { kind: KafkaSource } }
  - { path: proof.yaml, target: { group: sources.knative.dev } }
`;
}

const WIDTH = 120;

function inRows(names: readonly string[]): string {
  const rows: string[] = [];
  for (const name of names) {
    const row = rows.at(-1);
    if (row !== undefined && row.length + name.length + 2 <= WIDTH) rows[rows.length - 1] = `${row} ${name},`;
    else rows.push(`    ${name},`);
  }
  return rows.join('\n');
}

// Fields that all sources of a kind share are in knative/base/every-*.yaml.
function objectsOf(source: EventSource, name: string, summary: string, host: string): string {
  if ('topics' in source) return kafkaSource({ name, topics: source.topics, summary, function: name, host });
  return `apiVersion: sources.knative.dev/v1
kind: PingSource
metadata: { name: ${name} } # ${summary}.
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

/** The source, its dead-letter sink, and the topic of its dead letters, which is that of the first topic. */
export function kafkaSource({ name, topics, summary, function: reader, host }: TopicReader): string {
  const letters = `${topics[0]}.dead-letters`;
  return `# ${summary}.
apiVersion: sources.knative.dev/v1
kind: KafkaSource
metadata: { name: ${name} }
spec:
  topics: [${topics.join(', ')}]
  consumerGroup: ${name}
  consumers: 3
  delivery: { deadLetterSink: { ref: { name: ${name}-dead-letters } } }
  sink: { ref: { name: ${host} }, uri: /events/${reader} }
---
apiVersion: eventing.knative.dev/v1alpha1
kind: KafkaSink
metadata: { name: ${name}-dead-letters }
spec: { bootstrapServers: ["one-gate-kafka-bootstrap.one-gate.svc:9092"], topic: ${letters}, contentMode: binary }
---
# Events that ${reader} could not use, with the reason in knativeerror* attributes. A person looks at them, so they are kept longer.
apiVersion: kafka.strimzi.io/v1
kind: KafkaTopic
metadata: { name: ${letters}, labels: { strimzi.io/cluster: one-gate } }
spec: { partitions: 3, config: { retention.ms: 2419200000 } }
`;
}
