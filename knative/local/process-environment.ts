// The environment of a function's process: the variables of its manifest, from Secrets and ConfigMaps, and none of this
// process.

import type { ServiceManifest } from './manifests.ts';

/** Values by object, then key: `{ 'one-gate-redis': { url, token } }`. */
export type Objects = Readonly<Record<string, Readonly<Record<string, string>>>>;

export interface Supplied {
  secrets: Objects;
  configMaps: Objects;
  /** Where events go when there is no Kafka: what a SinkBinding injects as K_SINK. */
  sink: string | undefined;
}

/** Throws a sentence when the manifest names a Secret, a ConfigMap or a key that does not exist. */
export function processEnvironment({ name, environment }: ServiceManifest, supplied: Supplied): Record<string, string> {
  const values: Record<string, string> = {};
  for (const entry of environment) {
    if ('value' in entry) {
      values[entry.name] = entry.value;
      continue;
    }
    const objects = entry.from === 'secret' ? supplied.secrets : supplied.configMaps;
    const value = objects[entry.object]?.[entry.key];
    if (value !== undefined) values[entry.name] = value;
    else if (!entry.optional) {
      throw new Error(
        `The Service ${name} wants ${entry.name} from ${entry.from} ${entry.object}, which has no ${entry.key}.`,
      );
    }
  }
  const publishes = environment.some((entry) => entry.name === 'KAFKA_BROKERS');
  if (publishes && values['KAFKA_BROKERS'] === undefined && supplied.sink) values['K_SINK'] = supplied.sink;
  return values;
}
