// The overlays as an operator renders them: kustomize renders the same as we do, neither a cluster nor our policy
// refuses any of it, every name exists, and functions need no more connections than the database has.

import { execFile } from 'node:child_process';
import { cp, readFile, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import process from 'node:process';
import { isDeepStrictEqual, promisify } from 'node:util';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { parse, parseAllDocuments, stringify } from 'yaml';
import { functionPaths, hostsOf, ROOT } from '../../knative/functions.ts';
import { checkObjects, missingIn } from '../../knative/lint/lint.ts';
import { findSchemas } from '../../knative/lint/schemas.ts';
import { type KubernetesObject, renderKustomization } from '../../knative/local/kustomize.ts';
import { folderOf, OVERLAYS } from '../../knative/overlays.ts';
import { grantConnect, SERVED_ROLES } from '../../migrations/run.ts';
import { temporaryDirectory } from '../setup/temporary-directory.ts';

const run = promisify(execFile);
const KNATIVE = join(ROOT, 'knative');
const NOBODY = 'there is no kustomize here';

describe.each(OVERLAYS)('%s', (overlay) => {
  const folder = folderOf(overlay);
  let objects: KubernetesObject[];

  beforeAll(async () => {
    objects = (await renderKustomization(folder)).map(({ object }) => object);
  });

  const ofKind = (kind: string) => objects.filter((object) => object.kind === kind);
  const named = (kind: string, name: string) => ofKind(kind).find(({ metadata }) => metadata.name === name);
  const isFunction = ({ apiVersion, kind }: KubernetesObject) =>
    kind === 'Service' && apiVersion.startsWith('serving.knative.dev/');

  test('kustomize renders the same as we do', async () => {
    const theirs = await kustomize(folder);
    if (theirs === NOBODY) {
      expect(process.env['CI']).toBeUndefined();
      return;
    }
    const ours = objects.map(inOneOrder).sort(byName);
    const differing = theirs
      .map(inOneOrder)
      .sort(byName)
      .filter((each, index) => !isDeepStrictEqual(each, ours[index]));
    expect(differing).toEqual([]);
    expect(ours).toHaveLength(theirs.length);
  });

  test('a cluster refuses nothing of it, and neither do we', async () => {
    const schemas = await findSchemas(process.env['CRD_SCHEMAS']);
    const { lines } = await checkObjects(
      objects.map((object) => ({ file: overlay, object, rendered: true })),
      schemas,
    );
    expect(lines).toEqual([]);
  });

  test('everything that is named exists', () => {
    expect(missingIn(objects.map((object) => ({ file: overlay, object, rendered: true })))).toEqual([]);
  });

  test('everything is in one namespace, and names no other one', () => {
    const namespace = overlay === 'staging' ? 'one-gate-staging' : 'one-gate';
    const outside = objects.filter(
      ({ kind, metadata }) => (kind === 'Namespace' ? metadata.name : metadata.namespace) !== namespace,
    );
    expect(outside.map(({ metadata }) => metadata.name)).toEqual([]);
    const hosts = [...JSON.stringify(objects).matchAll(/[\w-]+\.([\w-]+)\.svc\b/g)].map(([, named]) => named);
    expect([...new Set(hosts)].filter((named) => named?.startsWith('one-gate'))).toEqual([namespace]);
  });

  test('every Service is there, and every function has one', async () => {
    const services = objects.filter(isFunction).map((object) => ({
      name: object.metadata.name,
      args: at(object, 'spec', 'template', 'spec', 'containers', 0, 'args') as string[],
    }));
    expect(hostsOf(await functionPaths(), services).size).toBe((await functionPaths()).length);
    expect(services.length).toBeLessThanOrEqual(22);
  });

  test('every source has a proof that its deployment fills in, and every function knows it', () => {
    const sources = objects.filter(({ apiVersion }) => apiVersion.startsWith('sources.knative.dev/'));
    expect(new Set(sources.map(({ kind }) => kind))).toEqual(new Set(['PingSource', 'KafkaSource']));
    for (const source of sources) {
      expect(at(source, 'spec', 'ceOverrides', 'extensions')).toEqual({ sourceproof: '${' + 'SOURCE_PROOF}' });
    }
    for (const service of objects.filter(isFunction)) {
      expect(variablesOf(service)).toEqual(expect.arrayContaining(['GATEWAY_PROOF', 'SOURCE_PROOF']));
    }
  });

  test('where Knative gives its sources tokens, they ask for one and bear no proof', async () => {
    const place = await temporaryDirectory();
    const to = (path: string) => relative(place.path, join(KNATIVE, path));
    const written = { apiVersion: 'kustomize.config.k8s.io/v1beta1', kind: 'Kustomization' };
    await writeFile(
      join(place.path, 'kustomization.yaml'),
      JSON.stringify({ ...written, resources: [to(`overlays/${overlay}`)], components: [to('event-tokens')] }),
    );
    const changed = (await renderKustomization(place.path)).map(({ object }) => object);
    await place.remove();
    for (const source of changed.filter(({ apiVersion }) => apiVersion.startsWith('sources.knative.dev/'))) {
      expect(at(source, 'spec', 'ceOverrides')).toBeUndefined();
      expect(at(source, 'spec', 'sink', 'audience')).toBe('one-gate');
    }
    for (const service of changed.filter(isFunction)) expect(variablesOf(service)).toContain('EVENT_TOKEN_ISSUER');
    const schemas = await findSchemas(process.env['CRD_SCHEMAS']);
    const { lines } = await checkObjects(
      changed.map((object) => ({ file: overlay, object, rendered: true })),
      schemas,
    );
    expect(lines).toEqual([]);
  });

  test('kustomize is told the same merge keys everywhere', async () => {
    const original = await readFile(join(KNATIVE, 'function/merge-keys.json'), 'utf8');
    expect(await readFile(join(folder, 'merge-keys.json'), 'utf8')).toBe(original);
    expect(await readFile(join(KNATIVE, 'event-tokens/merge-keys.json'), 'utf8')).toBe(original);
  });

  test('functions that go to the primary, and the pooler, fit into its connections together', () => {
    const cluster = named('Cluster', 'one-gate-postgres') as KubernetesObject;
    const pooler = named('Pooler', 'one-gate-postgres-pooler') as KubernetesObject;
    const most = Number(at(cluster, 'spec', 'postgresql', 'parameters', 'max_connections'));
    const roleOf = ({ metadata }: KubernetesObject) => metadata.labels?.['uses.one-gate/database'];
    const connecting = objects.filter((object) => isFunction(object) && roleOf(object) !== undefined);
    const goesThroughPooler = (role: string | undefined) => {
      const secret = named('ExternalSecret', `one-gate-database-${role}`);
      return String(at(secret, 'spec', 'target', 'template', 'data', 'url')).includes('@one-gate-postgres-pooler:');
    };
    const pooledRoles = new Set(connecting.map(roleOf).filter(goesThroughPooler));
    expect([...pooledRoles].sort()).toEqual(['identity', 'operator', 'reader', 'regulator']);
    const direct = connecting
      .filter((object) => !pooledRoles.has(roleOf(object)))
      .map((object) => maxScaleOf(object) * poolSizeOf(object));
    // Each instance of the pooler has one pool for each role.
    const pooled =
      Number(at(pooler, 'spec', 'instances')) *
      pooledRoles.size *
      Number(at(pooler, 'spec', 'pgbouncer', 'parameters', 'default_pool_size'));
    const sum = direct.reduce((total, each) => total + each, pooled);
    // Ten stay free for replicas, backups, migrations and people.
    expect(sum).toBeLessThanOrEqual(most - 10);
  });

  test('PostgreSQL has the roles that migrations and functions connect as, with the rights that migrations/run.ts gives them', () => {
    const cluster = named('Cluster', 'one-gate-postgres');
    const names = SERVED_ROLES.map((role) => `one_gate_${role}`);
    expect(at(cluster, 'spec', 'bootstrap', 'initdb', 'postInitApplicationSQL')).toEqual([
      ...names.map((name) => `create role ${name} login`),
      'alter role one_gate_migrator createrole',
      `grant ${names.join(', ')} to one_gate_migrator with admin option, inherit false, set false`,
      'revoke all on database one_gate from public',
      grantConnect('one_gate'),
    ]);
    expect(at(cluster, 'spec', 'managed', 'roles')).toEqual(
      SERVED_ROLES.map((role) => ({
        name: `one_gate_${role}`,
        ensure: 'present',
        login: true,
        passwordSecret: { name: `one-gate-database-${role}` },
      })),
    );
  });

  test('all functions run the one image that was built, by its digest', () => {
    const images = new Set(
      objects.filter(isFunction).map((object) => at(object, 'spec', 'template', 'spec', 'containers', 0, 'image')),
    );
    expect([...images]).toEqual([expect.stringMatching(/^[\w./-]+@sha256:[0-9a-f]{64}$/)]);
    expect(
      at(named('Job', 'one-gate-migrations') as KubernetesObject, 'spec', 'template', 'spec', 'containers', 0, 'image'),
    ).toBe([...images][0]);
  });
});

test.each(OVERLAYS)('the image that the pipeline sets in %s is the one that runs there', async (overlay) => {
  const directory = await temporaryDirectory();
  try {
    await cp(KNATIVE, join(directory.path, 'knative'), { recursive: true });
    await cp(join(ROOT, 'kong/deployment'), join(directory.path, 'kong/deployment'), { recursive: true });
    const folder = join(directory.path, 'knative/overlays', overlay);
    const file = join(folder, 'kustomization.yaml');
    const [, name] =
      /kustomize edit set image "([^=]+)=/.exec(await readFile(join(ROOT, '.ci/Jenkinsfile'), 'utf8')) ?? [];
    const image = { name, newName: 'registry.example/functions', digest: `sha256:${'1'.repeat(64)}` };
    await writeFile(file, stringify({ ...parse(await readFile(file, 'utf8')), images: [image] }));
    const functions = (await renderKustomization(folder)).filter(({ object }) => /^serving/.test(object.apiVersion));
    const images = functions.map(({ object }) => at(object, 'spec', 'template', 'spec', 'containers', 0, 'image'));
    expect([...new Set(images)]).toEqual([`${image.newName}@${image.digest}`]);
  } finally {
    await directory.remove();
  }
});

test.each<[string, (objects: KubernetesObject[]) => void, string]>([
  [
    'a secret that does not exist',
    (objects) => remove(objects, 'ExternalSecret', 'one-gate-gopay'),
    'names the Secret one-gate-gopay, key client-id, which is not there',
  ],
  [
    'a setting that the place does not have',
    (objects) => {
      const { data } = find(objects, 'ConfigMap', 'one-gate') as unknown as { data: Record<string, string> };
      delete data['public-url'];
    },
    'names the ConfigMap one-gate, key public-url, which is not there',
  ],
  [
    'a source without its function',
    (objects) => remove(objects, 'Service', 'topups'),
    'KafkaSource settle-topup-gopay names the Service topups, which is not there',
  ],
  [
    'a source without its topic',
    (objects) => remove(objects, 'KafkaTopic', 'one-gate.topups.gopay'),
    'names the topic one-gate.topups.gopay, which is not there',
  ],
  [
    'dead letters without their sink',
    (objects) => remove(objects, 'KafkaSink', 'settle-topup-gopay-dead-letters'),
    'names the KafkaSink settle-topup-gopay-dead-letters, which is not there',
  ],
  [
    'an account that pods run as',
    (objects) => remove(objects, 'ServiceAccount', 'one-gate-functions'),
    'names the ServiceAccount one-gate-functions, which is not there',
  ],
  [
    'a Kafka that sources read from',
    (objects) => remove(objects, 'Kafka', 'one-gate'),
    'names the host one-gate-kafka-bootstrap, which is not there',
  ],
  [
    'a policy about pods that do not exist',
    (objects) => remove(objects, 'StatefulSet', 'one-gate-redis'),
    'names the pods app.kubernetes.io/name=one-gate-redis, which is not there',
  ],
])('without %s a sentence says so', async (_what, change, sentence) => {
  const objects = structuredClone(
    (await renderKustomization(join(KNATIVE, 'overlays/production'))).map(({ object }) => object),
  );
  change(objects);
  expect(missingIn(objects.map((object) => ({ file: '-', object, rendered: true }))).join('\n')).toContain(sentence);
  expect(missingIn(objects.map((object) => ({ file: '-', object, rendered: false })))).toEqual([]);
});

function find(objects: readonly KubernetesObject[], kind: string, name: string): KubernetesObject {
  const found = objects.find((object) => object.kind === kind && object.metadata.name === name);
  if (!found) throw new Error(`${kind} ${name} is not there to be changed.`);
  return found;
}

function remove(objects: KubernetesObject[], kind: string, name: string): void {
  objects.splice(objects.indexOf(find(objects, kind, name)), 1);
}

/** kubectl has it built in; a version that renders no components is too old. */
async function kustomize(folder: string): Promise<KubernetesObject[] | typeof NOBODY> {
  for (const [command, ...words] of [
    ['kustomize', 'build'],
    ['kubectl', 'kustomize'],
  ] as const) {
    const rendered = await run(command, [...words, folder], { maxBuffer: 2 ** 26 }).catch(
      (error: { code?: unknown; stderr?: string }) => {
        if (error.code === 'ENOENT' || /unknown field|apiVersion.*v1alpha1/.test(error.stderr ?? '')) return undefined;
        throw error;
      },
    );
    if (rendered) return parseAllDocuments(rendered.stdout).map((document) => document.toJS() as KubernetesObject);
  }
  return NOBODY;
}

// Lists of named things have no order that matters; kustomize turns it round.
function inOneOrder(value: unknown): unknown {
  if (Array.isArray(value)) {
    const all = value.map(inOneOrder);
    const isNamed = all.every((each) => typeof each === 'object' && each !== null && 'name' in each);
    return isNamed ? (all as { name: string }[]).sort((one, other) => (one.name < other.name ? -1 : 1)) : all;
  }
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([field, each]) => [field, inOneOrder(each)]));
}

function byName(one: unknown, other: unknown): number {
  const name = ({ apiVersion, kind, metadata }: KubernetesObject) => `${kind} ${metadata.name} ${apiVersion}`;
  return name(one as KubernetesObject) < name(other as KubernetesObject) ? -1 : 1;
}

function at(object: unknown, ...path: (string | number)[]): unknown {
  return path.reduce<unknown>((value, step) => (value as Record<string | number, unknown>)[step], object);
}

function variablesOf(service: KubernetesObject): string[] {
  const env = at(service, 'spec', 'template', 'spec', 'containers', 0, 'env') as { name: string }[];
  return env.map(({ name }) => name);
}

function maxScaleOf(object: KubernetesObject): number {
  return Number(at(object, 'spec', 'template', 'metadata', 'annotations', 'autoscaling.knative.dev/max-scale'));
}

function poolSizeOf(object: KubernetesObject): number {
  const environment = at(object, 'spec', 'template', 'spec', 'containers', 0, 'env') as {
    name: string;
    value?: string;
  }[];
  return Number(environment.find(({ name }) => name === 'DATABASE_POOL_SIZE')?.value);
}
