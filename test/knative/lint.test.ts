import { describe, expect, test } from '@jest/globals';
import { isLinted, kindOf, lintObject } from '../../knative/lint/lint-object.ts';
import type { Finding } from '../../kong/lint/finding.ts';
import { changed } from '../setup/changed.ts';
import { admissionCases, goodService } from './admission-vectors.ts';

const pathsOf = (findings: Finding[], kind: Finding['kind']) =>
  findings.filter((each) => each.kind === kind).map(({ path }) => path);

describe('the verdict of the lint is that of the real webhook', () => {
  test.each(admissionCases)('$name', ({ service, accepted, message }) => {
    const refusals = pathsOf(lintObject(service), 'refused');
    expect(refusals.length === 0).toBe(accepted);
    // For the same reason: the webhook names the place, though not always the element of a list.
    const lastOf = (path: string) =>
      path
        .replace(/\[\d+\]/g, '')
        .split(/\.(?!knative\.dev)/)
        .at(-1) ?? '';
    if (!accepted) expect(refusals.filter((path) => message.includes(lastOf(path)))).toEqual(refusals);
  });

  test('all recorded cases are here', () => {
    expect(admissionCases).toHaveLength(74);
    expect(admissionCases.filter(({ accepted }) => accepted)).toHaveLength(18);
  });
});

const template = ['spec', 'template', 'spec'];
const container = [...template, 'containers', 0];
const annotation = (name: string) => ['spec', 'template', 'metadata', 'annotations', `autoscaling.knative.dev/${name}`];
const dotted = (at: (string | number)[]) =>
  at.reduce<string>(
    (path, step) => (typeof step === 'number' ? `${path}[${step}]` : path ? `${path}.${step}` : step),
    '',
  );

describe('our policy refuses what the webhook lets through: a Service', () => {
  test('a good one has no finding at all, rendered or not', () => {
    expect(lintObject(goodService())).toEqual([]);
    expect(lintObject(goodService(), { rendered: true })).toEqual([]);
  });

  test.each<[string, (string | number)[], unknown, RegExp]>([
    ['an unknown annotation', annotation('min-scales'), '1', /ignores it/],
    ['an annotation in camel case', annotation('minScale'), '1', /Write it as everywhere else/],
    ['a public route', ['metadata', 'labels', 'networking.knative.dev/visibility'], undefined, /past the gateway/],
    ['a start of the answer after the timeout', [...template, 'responseStartTimeoutSeconds'], 31, /never applies/],
    ['idleness longer than the timeout', [...template, 'idleTimeoutSeconds'], 31, /never applies/],
    ['a startup probe', [...container, 'startupProbe'], { httpGet: { path: '/', port: 8080 } }, /cold start/],
    ['a startup probe without a port', [...container, 'startupProbe'], { httpGet: { path: '/' } }, /revision hangs/],
    ['a fixed user', [...container, 'securityContext', 'runAsUser'], 1000, /own range decides/],
    ['root', [...container, 'securityContext', 'runAsUser'], 0, /as root/],
    ['a fixed group', [...container, 'securityContext', 'runAsGroup'], 1000, /own range decides/],
    ['no word about root', [...container, 'securityContext', 'runAsNonRoot'], undefined, /must be true/],
    ['a writable root file system', [...container, 'securityContext', 'readOnlyRootFilesystem'], false, /emptyDir/],
    ['no seccomp profile', [...container, 'securityContext', 'seccompProfile'], undefined, /RuntimeDefault/],
    [
      'another seccomp profile',
      [...container, 'securityContext', 'seccompProfile', 'type'],
      'Unconfined',
      /RuntimeDefault/,
    ],
    ['capabilities', [...container, 'securityContext', 'capabilities', 'drop'], ['NET_RAW'], /\[ALL\]/],
    ['more privileges', [...container, 'securityContext', 'allowPrivilegeEscalation'], undefined, /must be false/],
    ['the latest image', [...container, 'image'], 'registry.example:5000/functions:latest', /another image every day/],
    ['a small CPU limit', [...container, 'resources', 'limits', 'cpu'], '500m', /cold start/],
    ['an invalid CPU limit', [...container, 'resources', 'limits', 'cpu'], 'much', /cold start/],
    ['no CPU request', [...container, 'resources', 'requests', 'cpu'], undefined, /scheduler/],
    ['no memory request', [...container, 'resources', 'requests', 'memory'], undefined, /scheduler/],
    ['a pull at every start', [...container, 'imagePullPolicy'], 'Always', /cold start/],
  ])('%s', (_what, at, value, sentence) => {
    const findings = lintObject(changed(goodService(), { at, value }));
    expect(findings).toEqual([{ kind: 'ours', path: expect.any(String), sentence: expect.stringMatching(sentence) }]);
    expect(dotted(at)).toContain(findings[0]?.path);
  });

  test.each<[string, (string | number)[], unknown]>([
    ['a whole core as a limit', [...container, 'resources', 'limits', 'cpu'], '1'],
    ['the same in millicores', [...container, 'resources', 'limits', 'cpu'], '1000m'],
    ['idleness up to the timeout', [...template, 'idleTimeoutSeconds'], 30],
    ['an annotation of another domain', ['spec', 'template', 'metadata', 'annotations', 'example.com/min'], '1'],
    ['a named version of an image', [...container, 'image'], 'registry.example:5000/functions:1.4'],
  ])('%s is fine', (_what, at, value) => {
    expect(lintObject(changed(goodService(), { at, value }), { rendered: true })).toEqual([]);
  });

  test.each(['one-gate/functions', 'registry.example:5000/functions'])(
    'the base may leave the digest of %s to an overlay; a rendered manifest may not',
    (image) => {
      const service = changed(goodService(), { at: [...container, 'image'], value: image });
      expect(lintObject(service)).toEqual([]);
      expect(lintObject(service, { rendered: true })).toEqual([
        { kind: 'ours', path: dotted([...container, 'image']), sentence: expect.stringMatching(/deploy by digest/) },
      ]);
    },
  );

  test.each<[string, (string | number)[], unknown]>([
    ['an annotation that is not a text', annotation('min-scale'), 2],
    ['a number as a text', [...template, 'containerConcurrency'], '60'],
    ['a field that metadata does not have', ['spec', 'template', 'metadata', 'annotation'], {}],
    ['a configuration as the target of traffic', ['spec', 'traffic'], [{ configurationName: 'pay', percent: 100 }]],
    ['a mount without a volume', [...container, 'volumeMounts', 0, 'name'], 'nothing'],
    ['no container', [...template, 'containers'], []],
    [
      'several containers without a port',
      template,
      {
        containers: [
          { name: 'a', image: 'a' },
          { name: 'b', image: 'b' },
        ],
      },
    ],
    ['two containers of one name', [...template, 'containers', 1], { name: 'pay', image: 'other' }],
    ['two volumes of one name', [...template, 'volumes', 2], { name: 'tmp', emptyDir: {} }],
    ['a relative mount', [...container, 'volumeMounts', 1, 'mountPath'], 'tmp'],
    ['a variable without a name', [...container, 'env', 0, 'name'], ''],
    ['no name', ['metadata', 'name'], undefined],
    ['a name that is no DNS label', ['metadata', 'name'], 'Pay'],
    [
      'the latest revision by its name',
      ['spec', 'traffic'],
      [{ latestRevision: true, revisionName: 'pay-1', percent: 100 }],
    ],
    [
      'a tag twice',
      ['spec', 'traffic'],
      [
        { revisionName: 'pay-1', tag: 'a', percent: 50 },
        { revisionName: 'pay-2', tag: 'a', percent: 50 },
      ],
    ],
    ['a visibility that does not exist', ['metadata', 'labels', 'networking.knative.dev/visibility'], 'private'],
  ])('%s is refused by the cluster', (_what, at, value) => {
    expect(pathsOf(lintObject(changed(goodService(), { at, value })), 'refused')).not.toEqual([]);
  });
});

describe('our policy refuses what the webhook lets through: a KafkaSource', () => {
  const source = () => ({
    apiVersion: 'sources.knative.dev/v1',
    kind: 'KafkaSource',
    metadata: { name: 'settle', annotations: {} },
    spec: {
      bootstrapServers: ['kafka:9092'],
      topics: ['topups'],
      consumerGroup: 'settle',
      initialOffset: 'earliest',
      ordering: 'unordered',
      delivery: {
        timeout: 'PT35S',
        retry: 8,
        backoffPolicy: 'exponential',
        backoffDelay: 'PT0.5S',
        deadLetterSink: { ref: { kind: 'KafkaSink', name: 'letters' } },
      },
      sink: { ref: { kind: 'Service', name: 'settle' } },
    },
  });

  test('a good one has no finding', () => expect(lintObject(source())).toEqual([]));

  test.each<[string, (string | number)[], unknown, RegExp]>([
    ['a delay as Go writes it', ['spec', 'delivery', 'backoffDelay'], '500ms', /ISO 8601/],
    ['a delay in seconds', ['spec', 'delivery', 'backoffDelay'], 5, /ISO 8601/],
    ['a timeout as Go writes it', ['spec', 'delivery', 'timeout'], '35s', /ISO 8601/],
    ['a timeout of nothing', ['spec', 'delivery', 'timeout'], 'PT0S', /more than nothing/],
    ['fewer retries than none', ['spec', 'delivery', 'retry'], -1, /from 0/],
    ['half a retry', ['spec', 'delivery', 'retry'], 0.5, /from 0/],
    ['a policy that does not exist', ['spec', 'delivery', 'backoffPolicy'], 'quadratic', /linear or exponential/],
    ['no dead letters', ['spec', 'delivery', 'deadLetterSink'], undefined, /is lost/],
    ['a group of its own', ['spec', 'consumerGroup'], undefined, /random/],
    ['only events from now on', ['spec', 'initialOffset'], 'latest', /are lost/],
    ['no initial offset', ['spec', 'initialOffset'], undefined, /are lost/],
    [
      'an annotation of Services',
      ['metadata', 'annotations', 'autoscaling.knative.dev/minScale'],
      '0',
      /does not read/,
    ],
    ['a misspelt one', ['metadata', 'annotations', 'autoscaling.eventing.knative.dev/lag'], '9', /does not read/],
  ])('%s', (_what, at, value, sentence) => {
    expect(lintObject(changed(source(), { at, value }))).toEqual([
      { kind: 'ours', path: dotted(at), sentence: expect.stringMatching(sentence) },
    ]);
  });

  test('a source without a delivery lacks only its dead letters', () => {
    expect(pathsOf(lintObject(changed(source(), { at: ['spec', 'delivery'] })), 'ours')).toEqual([
      'spec.delivery.deadLetterSink',
    ]);
  });

  test.each<[string, (string | number)[], unknown]>([
    ['no topic', ['spec', 'topics'], []],
    ['no server', ['spec', 'bootstrapServers'], undefined],
    ['an offset that does not exist', ['spec', 'initialOffset'], 'first'],
    ['an order that does not exist', ['spec', 'ordering'], 'random'],
    ['no sink', ['spec', 'sink'], {}],
  ])('%s is refused by the cluster', (_what, at, value) => {
    expect(pathsOf(lintObject(changed(source(), { at, value })), 'refused')).toHaveLength(1);
  });

  test('an annotation that its scaler reads is fine', () => {
    const at = ['metadata', 'annotations', 'autoscaling.eventing.knative.dev/max-scale'];
    expect(lintObject(changed(source(), { at, value: '3' }))).toEqual([]);
  });
});

describe('other kinds', () => {
  test('the delivery of a Broker is checked by the cluster itself', () => {
    const broker = (backoffDelay: string) => ({
      apiVersion: 'eventing.knative.dev/v1',
      kind: 'Broker',
      metadata: { name: 'events' },
      spec: { delivery: { backoffDelay } },
    });
    expect(lintObject(broker('PT0.5S'))).toEqual([]);
    expect(pathsOf(lintObject(broker('500ms')), 'refused')).toEqual(['spec.delivery.backoffDelay']);
  });

  test('a Deployment keeps the same policy, and may state parts of it for the whole pod', () => {
    const deployment = (securityContext: object) => ({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'kong' },
      spec: {
        template: {
          spec: {
            securityContext,
            containers: [
              {
                image: 'kong:3.9.3',
                securityContext: {
                  allowPrivilegeEscalation: false,
                  readOnlyRootFilesystem: true,
                  capabilities: { drop: ['ALL'] },
                },
              },
            ],
          },
        },
      },
    });
    const restricted = { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } };
    expect(lintObject(deployment(restricted), { rendered: true })).toEqual([]);
    const context = 'spec.template.spec.securityContext';
    expect(pathsOf(lintObject(deployment({ ...restricted, fsGroup: 0 })), 'ours')).toEqual([`${context}.fsGroup`]);
    expect(pathsOf(lintObject(deployment({})), 'ours')).toHaveLength(2);
  });

  test('a kind without rules has no findings, and says so', () => {
    const topic = { apiVersion: 'kafka.strimzi.io/v1', kind: 'KafkaTopic', metadata: { name: 'x' } };
    expect(lintObject(topic)).toEqual([]);
    expect(isLinted('kafka.strimzi.io/v1 KafkaTopic')).toBe(false);
    expect(isLinted('batch/v1 CronJob')).toBe(true);
  });

  test.each([[undefined], ['text'], [[]], [{}], [{ kind: 'Service' }]])('%j is not a Kubernetes object', (object) => {
    expect(kindOf(object)).toBeUndefined();
    expect(pathsOf(lintObject(object), 'refused')).toEqual(['']);
  });
});
