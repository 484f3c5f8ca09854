// Our policy for containers of any workload: the demands of OpenShift's restricted-v2, images with a tag or digest, and
// no fixed user id. A cluster accepts all of this; some namespaces then refuse the pod, others run it as root.

import { type Finding, ours } from '../../kong/lint/finding.ts';
import { at, isSet, items, type Place, textAt } from '../../kong/lint/place.ts';

export interface Circumstances {
  /** True for rendered manifests: the base names images without the digests that an overlay gives them. */
  rendered: boolean;
}

/** The path to the pod, by kind; other kinds have no pod. */
const PODS: Readonly<Record<string, string[]>> = {
  'serving.knative.dev/v1 Service': ['spec', 'template', 'spec'],
  'apps/v1 Deployment': ['spec', 'template', 'spec'],
  'apps/v1 StatefulSet': ['spec', 'template', 'spec'],
  'apps/v1 DaemonSet': ['spec', 'template', 'spec'],
  'batch/v1 Job': ['spec', 'template', 'spec'],
  'batch/v1 CronJob': ['spec', 'jobTemplate', 'spec', 'template', 'spec'],
  'v1 Pod': ['spec'],
};

/** `kind` is "apiVersion kind". Undefined when the kind has no pod. */
export function podOf(object: Place, kind: string): Place | undefined {
  const way = Object.hasOwn(PODS, kind) ? PODS[kind] : undefined;
  return way && at(object, ...way);
}

export function* podPolicy(pod: Place, circumstances: Circumstances): Generator<Finding> {
  const ofPod = at(pod, 'securityContext');
  yield* fixedUsers(ofPod);
  for (const each of [...items(at(pod, 'initContainers')), ...items(at(pod, 'containers'))]) {
    yield* image(at(each, 'image'), circumstances);
    yield* fixedUsers(at(each, 'securityContext'));
    yield* restricted(at(each, 'securityContext'), ofPod);
  }
}

function* image({ path, value }: Place, { rendered }: Circumstances): Generator<Finding> {
  if (typeof value !== 'string') return;
  const [name = '', digest] = value.split('@');
  const tag = /:([\w.-]+)$/.exec(name)?.[1];
  if (tag === 'latest') yield ours(path, 'latest is another image every day: name a version, or better a digest.');
  else if (rendered && !tag && !digest) {
    yield ours(path, 'Without a tag or a digest this is whatever is latest: deploy by digest.');
  }
}

/**
 * OpenShift gives each namespace its own range of user ids: it refuses a fixed id, or the id belongs to another
 * namespace.
 */
function* fixedUsers(context: Place): Generator<Finding> {
  for (const name of ['runAsUser', 'runAsGroup', 'fsGroup', 'supplementalGroups']) {
    const { path, value } = at(context, name);
    if (value === 0) yield ours(path, 'Nothing here runs as root.');
    else if (isSet({ path, value })) yield ours(path, "The namespace's own range decides: leave it out.");
  }
}

/**
 * The demands of restricted-v2 on a container, and a read-only root file system. The pod may state the first two for
 * all containers.
 */
function* restricted(context: Place, ofPod: Place): Generator<Finding> {
  const { path } = context;
  const nonRoot = at(context, 'runAsNonRoot').value ?? at(ofPod, 'runAsNonRoot').value;
  if (nonRoot !== true) yield ours(`${path}.runAsNonRoot`, 'It must be true: nothing here runs as root.');
  const seccomp = textAt(context, 'seccompProfile', 'type') ?? textAt(ofPod, 'seccompProfile', 'type');
  if (seccomp !== 'RuntimeDefault') {
    yield ours(`${path}.seccompProfile`, 'It must be { type: RuntimeDefault }: restricted-v2 asks for it.');
  }
  if (at(context, 'allowPrivilegeEscalation').value !== false) {
    yield ours(`${path}.allowPrivilegeEscalation`, 'It must be false: restricted-v2 asks for it.');
  }
  if (!items(at(context, 'capabilities', 'drop')).some(({ value }) => value === 'ALL')) {
    yield ours(`${path}.capabilities.drop`, 'It must be [ALL]: restricted-v2 asks for it.');
  }
  if (at(context, 'readOnlyRootFilesystem').value !== true) {
    yield ours(`${path}.readOnlyRootFilesystem`, 'It must be true: files that a program writes belong in an emptyDir.');
  }
}

/** Cores of a quantity such as 300m, 1.5 or 2; undefined when it is not a quantity. */
export function cores(quantity: unknown): number | undefined {
  const [, amount, milli] = /^(\d+(?:\.\d+)?)(m?)$/.exec(String(quantity)) ?? [];
  return amount === undefined ? undefined : Number(amount) / (milli ? 1000 : 1);
}
