// How an event is delivered. The webhooks of Broker, Trigger and Subscription check it; the webhook of KafkaSource does
// not, and its dispatcher then does something else than the manifest says.

import { type Finding, ours, refused } from '../../kong/lint/finding.ts';
import { at, isSet, type Place } from '../../kong/lint/place.ts';
import { isoMilliseconds } from '../local/duration.ts';

export function* deliveryOf(delivery: Place, kind: Finding['kind']): Generator<Finding> {
  const say = kind === 'refused' ? refused : ours;
  for (const name of ['backoffDelay', 'timeout', 'retryAfterMax']) {
    const { path, value } = at(delivery, name);
    if (!isSet({ path, value })) continue;
    const ms = typeof value === 'string' ? isoMilliseconds(value) : undefined;
    if (ms === undefined)
      yield say(path, `It must be a duration of ISO 8601 such as PT0.5S, not ${JSON.stringify(value)}.`);
    else if (ms === 0 && name === 'timeout') yield say(path, 'It must be more than nothing.');
  }
  const retry = at(delivery, 'retry');
  if (isSet(retry) && !(Number.isInteger(retry.value) && Number(retry.value) >= 0)) {
    yield say(retry.path, `It must be a whole number from 0, not ${JSON.stringify(retry.value)}.`);
  }
  const policy = at(delivery, 'backoffPolicy');
  if (isSet(policy) && policy.value !== 'linear' && policy.value !== 'exponential') {
    yield say(policy.path, `It must be linear or exponential, not ${JSON.stringify(policy.value)}.`);
  }
}
