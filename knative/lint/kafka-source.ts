// KafkaSource: the few things that its webhook refuses, and mistakes that it lets through and that lose events.

import { type Finding, ours, refused } from '../../kong/lint/finding.ts';
import { at, fields, isSet, items, type Place, textAt } from '../../kong/lint/place.ts';
import { deliveryOf } from './delivery.ts';

/**
 * Keys that the scaler of Kafka sources reads. It does not read keys of autoscaling.knative.dev, which older pages
 * name.
 */
const SCALING = 'autoscaling.eventing.knative.dev/';
const SCALING_KEYS = [
  'class',
  'min-scale',
  'max-scale',
  'lag-threshold',
  'activation-lag-threshold',
  'polling-interval',
  'cooldown-period',
];

export function* refusedKafkaSource(source: Place): Generator<Finding> {
  const spec = at(source, 'spec');
  for (const name of ['topics', 'bootstrapServers']) {
    const list = at(spec, name);
    if (items(list).length === 0) yield refused(list.path, 'It must name at least one.');
  }
  for (const [name, values] of Object.entries({
    initialOffset: ['earliest', 'latest'],
    ordering: ['ordered', 'unordered'],
  })) {
    const { path, value } = at(spec, name);
    if (isSet({ path, value }) && !values.includes(value as string)) {
      yield refused(path, `It must be ${values.join(' or ')}, not ${JSON.stringify(value)}.`);
    }
  }
  if (!isSet(at(spec, 'sink', 'ref')) && !isSet(at(spec, 'sink', 'uri'))) {
    yield refused(at(spec, 'sink').path, 'It must say where events go.');
  }
}

export function* kafkaSourcePolicy(source: Place): Generator<Finding> {
  const spec = at(source, 'spec');
  if (!textAt(spec, 'consumerGroup')) {
    yield ours('spec.consumerGroup', 'Without it the group is a random one that can never be changed: name it.');
  }
  if (textAt(spec, 'initialOffset') !== 'earliest') {
    yield ours('spec.initialOffset', 'It must be earliest, or events from before the first start are lost.');
  }
  const delivery = at(spec, 'delivery');
  yield* deliveryOf(delivery, 'ours');
  if (!isSet(at(delivery, 'deadLetterSink'))) {
    yield ours('spec.delivery.deadLetterSink', 'Without it an event whose retries are exhausted is lost.');
  }
  for (const [key, { path }] of fields(at(source, 'metadata', 'annotations'))) {
    const known = key.startsWith(SCALING) && SCALING_KEYS.includes(key.slice(SCALING.length));
    if (/^autoscaling\./.test(key) && !known)
      yield ours(path, 'The scaler of Kafka sources does not read this annotation.');
  }
}
