// The reasons for which Knative's webhook refuses a Service, as recorded from 1.17.2 and 1.23.0
// (test/knative/fixtures): fields, ranges, reserved names, and settings that do not fit together.

import { posix } from 'node:path';
import { type Finding, refused } from '../../kong/lint/finding.ts';
import { at, isSet, items, type Place, textAt } from '../../kong/lint/place.ts';
import { autoscaling, misplacedAutoscaling } from './autoscaling.ts';
import { SERVICE } from './service-shape.ts';
import { misfits } from './shape.ts';

/** The limits of a default cluster (config-defaults). */
const RANGES = { containerConcurrency: 1000, timeoutSeconds: 600 };

const RESERVED_PORTS = [8008, 8012, 8013, 8022, 9090, 9091];
const RESERVED_ENV = ['PORT', 'K_SERVICE', 'K_CONFIGURATION', 'K_REVISION'];
const RESERVED_PATHS = ['/', '/dev', '/dev/log'];
const RESERVED_CONTAINER = 'queue-proxy';
const PORT_NAMES = ['', 'http1', 'h2c'];
const VISIBILITY = 'networking.knative.dev/visibility';

const DNS_LABEL = /^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/;

export function* refusedService(service: Place): Generator<Finding> {
  yield* misfits(service, SERVICE);
  const template = at(service, 'spec', 'template');
  yield* names(at(service, 'metadata'), at(template, 'metadata'));
  yield* misplacedAutoscaling(at(service, 'metadata'));
  yield* autoscaling(at(template, 'metadata'));
  const spec = at(template, 'spec');
  for (const [name, most] of Object.entries(RANGES)) yield* range(at(spec, name), most);
  yield* containers(spec);
  yield* volumes(spec);
  yield* traffic(at(service, 'spec', 'traffic'));
}

function* names(metadata: Place, ofTemplate: Place): Generator<Finding> {
  const name = textAt(metadata, 'name');
  if (name === undefined) {
    if (!isSet(at(metadata, 'generateName'))) yield refused('metadata.name', 'A Service needs a name.');
  } else if (!DNS_LABEL.test(name)) yield refused('metadata.name', `${name} is not a DNS label.`);
  const revision = textAt(ofTemplate, 'name');
  if (revision && !revision.startsWith(`${name}-`)) {
    yield refused(at(ofTemplate, 'name').path, `The name of a revision must begin with ${name}-.`);
  }
  const visibility = at(at(metadata, 'labels'), VISIBILITY);
  if (isSet(visibility) && visibility.value !== 'cluster-local') {
    yield refused(visibility.path, 'It can only be cluster-local; for a public route leave it out.');
  }
}

function* range(place: Place, most: number): Generator<Finding> {
  if (!isSet(place)) return;
  const { path, value } = place;
  const fits = typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= most;
  if (!fits) yield refused(path, `It must be a whole number between 0 and ${most}, not ${JSON.stringify(value)}.`);
}

function* containers(spec: Place): Generator<Finding> {
  const list = items(at(spec, 'containers'));
  if (list.length === 0) yield refused(at(spec, 'containers').path, 'A Service needs a container.');
  const withPorts = list.filter((each) => items(at(each, 'ports')).length > 0);
  const ports = withPorts.flatMap((each) => items(at(each, 'ports')));
  if (ports.length > 1) yield refused(`${spec.path}.containers[*].ports`, 'All containers together may have one port.');
  if (ports.length === 0 && list.length > 1) {
    yield refused(`${spec.path}.containers[*].ports`, 'One of several containers must say that requests are for it.');
  }
  for (const port of ports) yield* portOf(port);
  const seen = new Set<string>();
  for (const each of list) {
    const name = textAt(each, 'name');
    if (name !== undefined && seen.has(name)) yield refused(`${each.path}.name`, `Two containers are called ${name}.`);
    if (name !== undefined) seen.add(name);
    yield* container(each, list.length > 1 && !withPorts.includes(each));
  }
}

function* container(place: Place, sidecar: boolean): Generator<Finding> {
  if (!textAt(place, 'image')) yield refused(`${place.path}.image`, 'A container needs an image.');
  if (textAt(place, 'name') === RESERVED_CONTAINER) {
    yield refused(`${place.path}.name`, `${RESERVED_CONTAINER} is Knative's own container.`);
  }
  for (const each of items(at(place, 'env'))) {
    const name = textAt(each, 'name');
    if (!name) yield refused(`${each.path}.name`, 'A variable needs a name.');
    else if (RESERVED_ENV.includes(name) && !(sidecar && name === 'PORT')) {
      yield refused(`${each.path}.name`, `${name} is set by Knative.`);
    }
  }
  for (const probe of ['livenessProbe', 'readinessProbe']) {
    if (sidecar && isSet(at(place, probe))) {
      const why = 'Only the container with the port may have probes: the feature flag multi-container-probing is off';
      yield refused(`${place.path}.${probe}`, `${why}.`);
    }
  }
}

function* portOf(port: Place): Generator<Finding> {
  const { path, value } = at(port, 'containerPort');
  if (RESERVED_PORTS.includes(value as number)) yield refused(path, `Knative uses the port ${value} itself.`);
  const name = textAt(port, 'name') ?? '';
  if (!PORT_NAMES.includes(name)) yield refused(`${port.path}.name`, `A port is called http1 or h2c, not ${name}.`);
}

function* volumes(spec: Place): Generator<Finding> {
  const mounts = items(at(spec, 'containers')).flatMap((each) => items(at(each, 'volumeMounts')));
  const mounted = new Set(mounts.map((each) => textAt(each, 'name')));
  const declared = new Set<string | undefined>();
  for (const each of items(at(spec, 'volumes'))) {
    const name = textAt(each, 'name');
    if (declared.has(name)) yield refused(`${each.path}.name`, `Two volumes are called ${name}.`);
    declared.add(name);
    if (!mounted.has(name)) yield refused(`${each.path}.name`, `The volume ${name} is mounted nowhere.`);
  }
  for (const each of mounts) {
    const path = textAt(each, 'mountPath') ?? '';
    if (!declared.has(textAt(each, 'name'))) yield refused(`${each.path}.name`, 'There is no volume of that name.');
    if (!posix.isAbsolute(path)) yield refused(`${each.path}.mountPath`, 'It must be an absolute path.');
    else if (RESERVED_PATHS.includes(posix.resolve(path))) {
      yield refused(`${each.path}.mountPath`, `Nothing can be mounted on ${path}.`);
    }
  }
}

function* traffic(place: Place): Generator<Finding> {
  const targets = items(place);
  if (targets.length === 0) return;
  const percentages = targets.map((each) => at(each, 'percent').value ?? 0);
  const sum = percentages.reduce<number>((total, each) => total + Number(each), 0);
  if (sum !== 100) yield refused(place.path, `The percentages sum to ${sum}, not to 100.`);
  const tags = new Set<string>();
  for (const each of targets) {
    const tag = textAt(each, 'tag');
    if (tag !== undefined && tags.has(tag)) yield refused(`${each.path}.tag`, `Two targets have the tag ${tag}.`);
    if (tag !== undefined) tags.add(tag);
    if (tag !== undefined && !DNS_LABEL.test(tag)) yield refused(`${each.path}.tag`, `${tag} is not a DNS label.`);
    if (at(each, 'latestRevision').value === isSet(at(each, 'revisionName'))) {
      yield refused(`${each.path}.latestRevision`, 'A target is the latest revision or a named one.');
    }
  }
}
