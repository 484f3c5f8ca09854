import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { backoff, readDelivery } from '../../../knative/local/delivery.ts';
import { milliseconds } from '../../../knative/local/duration.ts';
import { readManifests } from '../../../knative/local/manifests.ts';
import { type TemporaryDirectory, temporaryDirectory } from '../../setup/temporary-directory.ts';

let temporary: TemporaryDirectory;
let folders = 0;

beforeAll(async () => {
  temporary = await temporaryDirectory();
});
afterAll(() => temporary.remove());

const KUSTOMIZATION = 'apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [manifests.yaml]';

async function read(...documents: string[]) {
  const folder = join(temporary.path, String(++folders));
  await mkdir(folder);
  await writeFile(join(folder, 'kustomization.yaml'), KUSTOMIZATION);
  await writeFile(join(folder, 'manifests.yaml'), documents.join('\n---\n'));
  return readManifests(folder);
}

const serviceWith = (annotations: string, spec = '') => `
apiVersion: serving.knative.dev/v1
kind: Service
metadata: { name: pay }
spec:
  template:
    metadata: { annotations: { ${annotations} } }
    spec:
      ${spec}
      containers: [{ args: [pay.mjs] }]`;

const sourceWith = (spec: string) => `
apiVersion: sources.knative.dev/v1
kind: KafkaSource
metadata: { name: source }
spec: { topics: [t], consumerGroup: g, sink: { ref: { kind: Service, name: pay }, uri: /events }, ${spec} }`;

const topic = `
apiVersion: kafka.strimzi.io/v1
kind: KafkaTopic
metadata: { name: t }
spec: { partitions: 3 }`;

describe('the meaning of a manifest', () => {
  test('Knative’s defaults fill what it does not set', async () => {
    const { services } = await read(serviceWith(''));
    expect(services[0]).toMatchObject({ containerConcurrency: 0, timeoutSeconds: 300 });
    expect(services[0]?.scale).toMatchObject({
      min: 0,
      max: 0,
      activation: 1,
      target: 70,
      windowMs: 60_000,
      panicWindowMs: 6000,
    });
  });

  test('the effective target is the smaller of target and containerConcurrency, times the utilisation', async () => {
    const target = 'autoscaling.knative.dev/target';
    const both = await read(serviceWith(`${target}: "50"`, 'containerConcurrency: 20'));
    expect(both.services[0]?.scale.target).toBe(14);
    const more = `${target}: "50", autoscaling.knative.dev/target-utilization-percentage: "90"`;
    expect((await read(serviceWith(more))).services[0]?.scale.target).toBe(45);
  });

  test('a source without a delivery has ten retries, exponential from 0.3 s', () => {
    const delivery = readDelivery(undefined, 'file');
    expect(delivery).toEqual({ retry: 10, backoffDelayMs: 300, exponential: true, timeoutMs: 600_000 });
    expect([1, 2, 10].map((retry) => backoff(delivery, retry))).toEqual([600, 1200, 307_200]);
    expect(backoff({ ...delivery, exponential: false }, 3)).toBe(900);
  });

  test.each([
    ['PT0.5S', 500],
    ['PT1M30S', 90_000],
    ['90s', 90_000],
    ['1m30s', 90_000],
    ['250ms', 250],
  ])('%s is %i ms', (text, expected) => {
    expect(milliseconds(text, 'here')).toBe(expected);
  });

  test.each(['', 'PT', '5', 's', '-1s', 'PT1D', '1d'])('"%s" is not a duration', (text) => {
    expect(() => milliseconds(text, 'here')).toThrow(/^here: .* is not a duration/);
  });
});

describe('a setting that cannot be played is refused with its place', () => {
  test.each([
    [
      'an unknown kind',
      ['apiVersion: v1\nkind: Pod\nmetadata: { name: pod }'],
      'manifests.yaml: the local platform does not know a v1 Pod.',
    ],
    [
      'a Service without arguments',
      [serviceWith('').replace('{ args: [pay.mjs] }', '{}')],
      'spec.template.spec.containers.0.args',
    ],
    [
      'scaling by requests per second',
      [serviceWith('autoscaling.knative.dev/metric: rps')],
      'scales on concurrency only',
    ],
    ['a target that is no number', [serviceWith('autoscaling.knative.dev/target: many')], 'target is not a number'],
    ['two Services of one name', [serviceWith(''), serviceWith('')], 'Service pay is in manifests.yaml, too'],
    ['a source of a Service that is not there', [sourceWith(''), topic], 'names a Service pay that does not exist'],
    [
      'a source of a topic that is not there',
      [serviceWith(''), sourceWith('')],
      'names a topic t that has no KafkaTopic',
    ],
    [
      'dead letters into a sink that is not there',
      [serviceWith(''), topic, sourceWith('delivery: { deadLetterSink: { ref: { kind: KafkaSink, name: gone } } }')],
      'there is no KafkaSink gone',
    ],
    [
      'a backoff that the cluster would take and not understand',
      [serviceWith(''), topic, sourceWith('delivery: { backoffDelay: half a second }')],
      'backoffDelay: half a second is not a duration',
    ],
  ])('%s', async (_what, documents, message) => {
    await expect(read(...documents)).rejects.toThrow(message);
  });
});
