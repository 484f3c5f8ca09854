// Everything that rendered manifests refer to must exist: secrets and their keys, config maps, accounts, services,
// sinks, topics. A cluster finds such a mistake only when the pod starts, or never: an event for a topic that does not
// exist is lost.

import type { KubernetesObject } from '../local/kustomize.ts';

/** A sentence for each missing thing. `objects` are all objects of one place. */
export function missingReferences(objects: readonly KubernetesObject[]): string[] {
  const there = thingsOf(objects);
  return objects.flatMap((object) =>
    namedBy(object)
      .filter((thing) => !there.has(thing))
      .map((thing) => `${object.kind} ${object.metadata.name} names the ${thing}, which is not there.`),
  );
}

/**
 * All things that exist, as "Secret one-gate-redis", "Secret one-gate-redis, key token", "host one-gate-redis" and so
 * on.
 */
function thingsOf(objects: readonly KubernetesObject[]): Set<string> {
  const there = new Set<string>();
  const secret = (name: string, keys: readonly string[]) => {
    there.add(`Secret ${name}`);
    for (const key of keys) there.add(`Secret ${name}, key ${key}`);
  };
  for (const object of objects) {
    const { kind, metadata } = object;
    const { name } = metadata;
    const spec = recordOf(object['spec']);
    there.add(`${kind} ${name}`);
    switch (`${object.apiVersion} ${kind}`) {
      case 'v1 ConfigMap':
        for (const key of Object.keys(recordOf(object['data']))) there.add(`ConfigMap ${name}, key ${key}`);
        break;
      case 'external-secrets.io/v1 ExternalSecret': {
        const target = recordOf(spec['target']);
        const written = recordOf(recordOf(target['template'])['data']);
        const fetched = listOf(spec['data']).map((each) => String(recordOf(each)['secretKey']));
        const keys = Object.keys(written).length > 0 ? Object.keys(written) : fetched;
        secret(typeof target['name'] === 'string' ? target['name'] : name, keys);
        break;
      }
      // Objects that operators create from their resources, under names of their own.
      case 'postgresql.cnpg.io/v1 Cluster':
        secret(`${name}-ca`, ['ca.crt']);
        for (const end of ['rw', 'ro', 'r']) there.add(`host ${name}-${end}`);
        there.add(`pods cnpg.io/cluster=${name}`);
        break;
      case 'postgresql.cnpg.io/v1 Pooler':
        there.add(`host ${name}`);
        break;
      case 'kafka.strimzi.io/v1 Kafka':
        there.add(`host ${name}-kafka-bootstrap`);
        there.add(`pods strimzi.io/cluster=${name}`);
        break;
      case 'kafka.strimzi.io/v1 KafkaTopic':
        there.add(`topic ${String(spec['topicName'] ?? name)}`);
        break;
      case 'v1 Service':
      case 'serving.knative.dev/v1 Service':
        there.add(`host ${name}`);
        break;
    }
    for (const [label, value] of Object.entries(podLabelsOf(object))) there.add(`pods ${label}=${value}`);
  }
  return there;
}

/** The things that this object refers to, in the words of `thingsOf`. */
function namedBy(object: KubernetesObject): string[] {
  const named: string[] = [];
  const visit = (value: unknown, field: string): void => {
    if (Array.isArray(value)) {
      for (const each of value) visit(each, field);
    } else if (typeof value === 'object' && value !== null) {
      named.push(...byField(field, value as Record<string, unknown>));
      for (const [name, each] of Object.entries(value)) visit(each, name);
    } else if (typeof value === 'string') named.push(...byText(field, value));
  };
  visit({ ...object, metadata: {} }, '');
  const kafka = object.metadata.labels?.['strimzi.io/cluster'];
  if (kafka !== undefined) named.push(`Kafka ${kafka}`);
  return [...new Set(named)];
}

function byField(field: string, value: Record<string, unknown>): string[] {
  const keyed = (kind: string) => (value['optional'] === true ? [] : [`${kind} ${value['name']}, key ${value['key']}`]);
  switch (field) {
    case 'secretKeyRef':
    case 'accessKeyId':
    case 'secretAccessKey':
      return keyed('Secret');
    case 'configMapKeyRef':
      return keyed('ConfigMap');
    case 'passwordSecret':
      return ['username', 'password'].map((key) => `Secret ${value['name']}, key ${key}`);
    case 'secret':
      if (typeof value['name'] === 'string') return [`Secret ${value['name']}, key password`];
      return listOf(value['items']).length > 0
        ? listOf(value['items']).map((item) => `Secret ${value['secretName']}, key ${recordOf(item)['key']}`)
        : [`Secret ${value['secretName']}`];
    case 'ref':
      return [`${value['kind']} ${value['name']}`];
    case 'cluster':
      return [`Cluster ${value['name']}`];
    case 'service':
      return [`Service ${value['name']}`];
    case 'matchLabels':
      return Object.entries(value).flatMap(([label, text]) => podsOf(label, String(text)));
    default:
      return [];
  }
}

/** Labels that Knative sets itself: the Service must exist. The namespace is not checked. */
function podsOf(label: string, value: string): string[] {
  if (label === 'kubernetes.io/metadata.name' || label === 'strimzi.io/kind') return [];
  if (label === 'serving.knative.dev/service') return [`Service ${value}`];
  return [`pods ${label}=${value}`];
}

function byText(field: string, text: string): string[] {
  const hosts = [...text.matchAll(/([a-z0-9-]+)\.one-gate\.svc\b/g)].map(([, host]) => `host ${host}`);
  if (field === 'serviceAccountName') return [`ServiceAccount ${text}`];
  if (field === 'topics' || field === 'topic') return [`topic ${text}`];
  return hosts;
}

function podLabelsOf(object: KubernetesObject): Record<string, string> {
  const template = recordOf(recordOf(object['spec'])['template']);
  return recordOf(recordOf(template['metadata'])['labels']) as Record<string, string>;
}

function recordOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}

function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}
