// All rules for one object that need no schema.

import { type Finding, refused } from '../../kong/lint/finding.ts';
import { at, type Place, textAt } from '../../kong/lint/place.ts';
import { deliveryOf } from './delivery.ts';
import { kafkaSourcePolicy, refusedKafkaSource } from './kafka-source.ts';
import { type Circumstances, podOf, podPolicy } from './pod-policy.ts';
import { refusedService } from './service.ts';
import { servicePolicy } from './service-policy.ts';

type Rules = (object: Place) => Iterable<Finding>;

const delivered: Rules = (object) => deliveryOf(at(object, 'spec', 'delivery'), 'refused');

const RULES: Readonly<Record<string, Rules[]>> = {
  'serving.knative.dev/v1 Service': [refusedService, servicePolicy],
  'sources.knative.dev/v1 KafkaSource': [refusedKafkaSource, kafkaSourcePolicy],
  'eventing.knative.dev/v1 Broker': [delivered],
  'eventing.knative.dev/v1 Trigger': [delivered],
  'messaging.knative.dev/v1 Subscription': [delivered],
};

/** "serving.knative.dev/v1 Service"; undefined for a value that is not a Kubernetes object. */
export function kindOf(object: unknown): string | undefined {
  const place: Place = { path: '', value: object };
  const [apiVersion, kind] = [textAt(place, 'apiVersion'), textAt(place, 'kind')];
  return apiVersion && kind ? `${apiVersion} ${kind}` : undefined;
}

/** Findings in the order of the rules. An object of a kind without rules has none. */
export function lintObject(object: unknown, circumstances: Circumstances = { rendered: false }): Finding[] {
  const kind = kindOf(object);
  if (!kind) return [refused('', 'It is not a Kubernetes object: apiVersion or kind is missing.')];
  const place: Place = { path: '', value: object };
  const rules = Object.hasOwn(RULES, kind) ? (RULES[kind] ?? []) : [];
  const pod = podOf(place, kind);
  return [...rules.flatMap((rule) => [...rule(place)]), ...(pod ? podPolicy(pod, circumstances) : [])];
}

/** True when `lintObject` has rules for the kind. */
export function isLinted(kind: string): boolean {
  return Object.hasOwn(RULES, kind) || podOf({ path: '', value: {} }, kind) !== undefined;
}
