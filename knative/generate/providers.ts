// The manifests that follow from the declarations of providers: the variables of functions that talk with them, the Secrets, and the
// topic, source and dead letters of each.

import { join } from 'node:path';
import { type DeclaredProvider, providers } from '../../shared/providers/providers.ts';
import { hostOfFunction, ROOT, writtenServices } from '../functions.ts';
import { secretOf } from '../provider-settings.ts';
import { kafkaSource } from './sources.ts';

const WRITTEN = '# `make generate` writes this file from shared/providers/*/declaration.ts.';

/** A patch for every Service that says `uses.one-gate/providers` in its labels. */
export function providersOfFunctions(): string {
  const variables = providers.flatMap((provider) => {
    const { name, places } = secretOf(provider);
    return places.map(
      ({ variable, key }) =>
        `            - { name: ${variable}, valueFrom: { secretKeyRef: { name: ${name}, key: ${key} } } }`,
    );
  });
  return `# Accounts at providers: what a provider and we know each other by.
${WRITTEN}
apiVersion: serving.knative.dev/v1
kind: Service
metadata: { name: providers }
spec:
  template:
    metadata: { labels: { uses.one-gate/providers: "true" } }
    spec:
      containers:
        - name: function
          env:
${variables.join('\n')}
`;
}

export function providerSecrets(): string {
  return `# The settings of providers, from the store: an account there, and the address where it is valid.\n${WRITTEN}\n${providers
    .map(secretObject)
    .join('---\n')}`;
}

function secretObject(provider: DeclaredProvider): string {
  const { name, places } = secretOf(provider);
  const data = places.map(
    ({ key }) => `    - { secretKey: ${key}, remoteRef: { key: one-gate/${provider.name}-${key} } }`,
  );
  return `apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: { name: ${name} }
spec:
  data:
${data.join('\n')}
`;
}

export async function providerEvents(): Promise<string> {
  const { name: host } = await hostOfFunction('settle-topup', await writtenServices(join(ROOT, 'knative/base')));
  return `# The events about each provider's payments: topic, source, dead letters. A provider has its own, so that a slow one holds up no other.
${WRITTEN}
${providers.map((provider) => eventObjects(provider, host)).join('---\n')}`;
}

function eventObjects({ name, title, topic }: DeclaredProvider, host: string): string {
  return `# The life of top-ups from ${title}, keyed by account. topup, receive-notification, settle-topup and relay-outbox write it.
apiVersion: kafka.strimzi.io/v1
kind: KafkaTopic
metadata: { name: ${topic}, labels: { strimzi.io/cluster: one-gate } }
spec: { partitions: 3, config: { retention.ms: 604800000 } }
---
${kafkaSource({
  name: `settle-topup-${name}`,
  topics: [topic],
  summary: `Settles what ${title} tells`,
  function: 'settle-topup',
  host,
})}`;
}
