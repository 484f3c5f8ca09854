// Our policy for Services: settings that the webhook lets through and that we have measured or seen to go wrong.

import { type Finding, ours } from '../../kong/lint/finding.ts';
import { at, isSet, items, numberAt, type Place, textAt } from '../../kong/lint/place.ts';
import { cores } from './pod-policy.ts';

export function* servicePolicy(service: Place): Generator<Finding> {
  const labels = at(service, 'metadata', 'labels');
  const visibility = at(labels, 'networking.knative.dev/visibility');
  if (visibility.value !== 'cluster-local') {
    yield ours(visibility.path, 'It must be cluster-local: a public route leads past the gateway.');
  }
  const spec = at(service, 'spec', 'template', 'spec');
  yield* waits(spec);
  for (const each of items(at(spec, 'containers'))) yield* container(each);
}

/** The webhook accepts limits that can never be reached. Knative takes 300 s where timeoutSeconds is not given, or 0. */
function* waits(spec: Place): Generator<Finding> {
  const timeout = numberAt(spec, 'timeoutSeconds') || 300;
  for (const name of ['responseStartTimeoutSeconds', 'idleTimeoutSeconds']) {
    const given = numberAt(spec, name) ?? 0;
    if (given > timeout)
      yield ours(at(spec, name).path, `${given} s is beyond timeoutSeconds (${timeout}): it never applies.`);
  }
}

function* container(place: Place): Generator<Finding> {
  const startup = at(place, 'startupProbe');
  if (isSet(startup)) {
    const hangs = isSet(at(startup, 'httpGet')) && !isSet(at(startup, 'httpGet', 'port'));
    yield ours(
      startup.path,
      hangs
        ? 'Without a port the webhook accepts it and the revision hangs; and it only adds to the cold start: leave it out.'
        : 'Its grain of a second only adds to the cold start, as queue-proxy asks every 50 ms: leave it out.',
    );
  }
  const limit = at(place, 'resources', 'limits', 'cpu');
  if (isSet(limit) && (cores(limit.value) ?? 0) < 1) {
    yield ours(
      limit.path,
      'Less than one core multiplies a cold start (100m: by ten): leave it out, or one core at least.',
    );
  }
  for (const name of ['cpu', 'memory']) {
    const request = at(place, 'resources', 'requests', name);
    if (!isSet(request)) yield ours(request.path, 'Without a request the scheduler packs nodes until nothing is left.');
  }
  if (textAt(place, 'imagePullPolicy') === 'Always') {
    yield ours(
      at(place, 'imagePullPolicy').path,
      'It asks the registry at every cold start; a digest cannot change: leave it out.',
    );
  }
}
