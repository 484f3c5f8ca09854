import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { objectsOf, readObjects } from '../../knative/lint/documents.ts';
import { checkObjects } from '../../knative/lint/lint.ts';
import { kindOf } from '../../knative/lint/lint-object.ts';
import { findSchemas, ofCrds, ofPackage, type Schemas } from '../../knative/lint/schemas.ts';
import { changed } from '../setup/changed.ts';
import { type TemporaryDirectory, temporaryDirectory } from '../setup/temporary-directory.ts';
import { admissionCases, goodService } from './admission-vectors.ts';

const ROOT = join(import.meta.dirname, '../..');
const OVERLAY = join(ROOT, 'knative/overlays/production');
/** The folder of the real definitions, which a machine may not have. */
const REAL = process.env['CRD_SCHEMAS'] ?? join(ROOT, '../shared/crds');

const SERVICE = 'serving.knative.dev/v1 Service';
const CATALOGUE = { apiGroup: 'postgresql.cnpg.io', kind: 'ImageCatalog', name: 'images' };

let temporary: TemporaryDirectory;
beforeAll(async () => {
  temporary = await temporaryDirectory();
});
afterAll(() => temporary.remove());

const WIDGETS = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: widgets.example.com }
spec:
  group: example.com
  names: { kind: Widget }
  versions:
    - name: v1
      served: true
      storage: true
      schema:
        openAPIV3Schema:
          type: object
          x-kubernetes-validations: [{ rule: "self.spec.size < 100" }]
          properties:
            apiVersion: { type: string }
            kind: { type: string }
            metadata: { type: object }
            spec:
              type: object
              required: [size, mode]
              x-kubernetes-validations:
                - { rule: "self.mode != 'small' || self.size < 10", message: small ones are below 10., fieldPath: .size }
                - { rule: "self == oldSelf", message: it stays }
              properties:
                mode: { type: string, default: small }
                steps:
                  type: array
                  items: { type: integer, x-kubernetes-validations: [{ rule: self % 5 == 0, message: by fives }] }
                places:
                  type: object
                  additionalProperties:
                    type: object
                    x-kubernetes-validations: [{ rule: "!has(self.x) || self.y == 'b'", message: x goes with y }]
                    properties: { x: { type: string }, y: { type: string } }
                weight: { type: string, x-kubernetes-validations: [{ rule: quantity(self).isGreaterThan(quantity('1')) }] }
                size: { type: integer, format: int32, minimum: 0, exclusiveMinimum: true }
                colour: { type: string, enum: [red, green] }
                port: { x-kubernetes-int-or-string: true, anyOf: [{ type: integer }, { type: string }] }
                owner: { type: string, nullable: true }
                when: { type: string, format: date-time }
                labels: { type: object, additionalProperties: { type: string } }
                free: { type: object, x-kubernetes-preserve-unknown-fields: true, properties: { known: { type: integer } } }
                nothing: { type: object }
                inner: { type: object, x-kubernetes-embedded-resource: true, x-kubernetes-preserve-unknown-fields: true }
                parts: { type: array, items: { type: object, properties: { name: { type: string } } } }
                either:
                  type: object
                  properties: { one: { type: string }, other: { type: string } }
                  oneOf: [{ required: [one] }, { required: [other] }]
    - { name: v1alpha1, served: false, storage: false, schema: { openAPIV3Schema: { type: object } } }
`;

const widget = (spec: object, rest: object = {}) => ({
  apiVersion: 'example.com/v1',
  kind: 'Widget',
  metadata: { name: 'one', labels: { a: 'b' } },
  spec: { size: 1, ...spec },
  ...rest,
});

describe('a definition as a strict schema', () => {
  let schemas: Schemas;
  beforeAll(async () => {
    const folder = join(temporary.path, 'widgets');
    await mkdir(folder);
    await writeFile(join(folder, 'widgets.yaml'), WIDGETS);
    schemas = await ofCrds(folder);
  });
  const check = (object: object) => schemas.check(object, kindOf(object) ?? '');

  test.each<[string, object]>([
    ['the least', {}],
    ['a number or a text as a number', { port: 80 }],
    ['a number or a text as a text', { port: 'http' }],
    ['null where it may be', { owner: null }],
    ['any field where they are kept', { free: { whatever: { it: ['is'] }, known: 1 } }],
    ['names of labels', { labels: { anything: 'goes' } }],
    ['an object within', { inner: { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'x' }, spec: {} } }],
    ['one of two', { either: { one: 'x' } }],
    ['a time', { when: '2026-11-21T10:00:00Z' }],
  ])('%s is accepted', async (_what, spec) => {
    expect(await check(widget(spec))).toEqual([]);
  });

  test.each<[string, object, string]>([
    ['an unknown field', { sise: 2 }, 'spec.sise'],
    ['an unknown field of an element', { parts: [{ name: 'a' }, { nam: 'b' }] }, 'spec.parts[1].nam'],
    ['a field of an object that keeps none', { nothing: { x: 1 } }, 'spec.nothing.x'],
    ['a missing field', { size: undefined }, 'spec'],
    ['a wrong type', { size: '1' }, 'spec.size'],
    ['a bound that does not belong to the range', { size: 0 }, 'spec.size'],
    ['more than 32 bits', { size: 2 ** 31 }, 'spec.size'],
    ['a value outside the list', { colour: 'blue' }, 'spec.colour'],
    ['null where it may not be', { colour: null }, 'spec.colour'],
    ['a number or a text as a list', { port: [80] }, 'spec.port'],
    ['a wrong type among free fields', { free: { known: 'x' } }, 'spec.free.known'],
    ['a label that is no text', { labels: { a: 1 } }, 'spec.labels.a'],
    ['both of two', { either: { one: 'x', other: 'y' } }, 'spec.either'],
    ['an invalid time', { when: 'now' }, 'spec.when'],
  ])('%s is refused', async (_what, spec, path) => {
    const found = (await check(JSON.parse(JSON.stringify(widget(spec))))) ?? [];
    expect([...new Set(found.map((each) => each.path))]).toEqual(expect.arrayContaining([path]));
    expect(found.every(({ kind }) => kind === 'refused')).toBe(true);
  });

  test.each<[string, object, string]>([
    ['a field beside spec', { specs: {} }, 'specs'],
    ['a field that metadata does not have', { metadata: { name: 'x', label: {} } }, 'metadata.label'],
    ['a label of metadata that is no text', { metadata: { name: 'x', labels: { a: 1 } } }, 'metadata.labels.a'],
    ['no metadata', { metadata: undefined }, ''],
  ])('%s is refused', async (_what, rest, path) => {
    const found = (await check(JSON.parse(JSON.stringify(widget({}, rest))))) ?? [];
    expect(found.map((each) => each.path)).toEqual([path]);
  });

  test('a version that is not served is refused, a kind without a definition is not checked', async () => {
    expect(await check(widget({}, { apiVersion: 'example.com/v1alpha1' }))).toEqual([
      { kind: 'refused', path: 'apiVersion', sentence: expect.stringMatching(/no version example.com\/v1alpha1/) },
    ]);
    expect(await check({ apiVersion: 'example.com/v1', kind: 'Gadget' })).toBeUndefined();
  });

  test.each<[string, object, string, string]>([
    ['of the whole', { size: 100, mode: 'large' }, '', 'it must be that self.spec.size < 100'],
    ['that a default falls under', { size: 10 }, 'spec.size', 'small ones are below 10'],
    ['of an element, where whole numbers are integers', { steps: [5, 7] }, 'spec.steps[1]', 'by fives'],
    ['that reads a missing field', { places: { here: { x: 'a' } } }, 'spec.places.here', 'x goes with y'],
  ])('a rule in CEL %s is kept', async (_what, spec, path, message) => {
    expect(await check(widget(spec))).toEqual([
      { kind: 'refused', path, sentence: `The definition says: ${message}.` },
    ]);
  });

  test('rules of updates do not count, and a rule that cannot be evaluated is named', async () => {
    expect(schemas.notEvaluated).toEqual(new Set());
    const object = widget({ size: 10, mode: 'large', steps: [5], places: { here: { x: 'a', y: 'b' } }, weight: '2' });
    const { lines, summary } = await checkObjects([{ file: 'w', object, rendered: false }], schemas);
    expect(lines).toEqual([]);
    expect(summary).toContain(
      "A rule in CEL was NOT evaluated: example.com/v1 Widget: quantity(self).isGreaterThan(quantity('1')).",
    );
  });

  test('a given folder must exist', async () => {
    await expect(findSchemas(join(temporary.path, 'nowhere'))).rejects.toThrow(/CRD_SCHEMAS names .*nowhere/);
  });
});

describe('without the definitions: the schemas of the npm packages', () => {
  const schemas = ofPackage();

  /** Fields whose names the author of the manifest chooses. */
  const FREE = /(?:labels|annotations|matchLabels|data|limits|requests|nodeSelector)$/i;

  test('an unknown field is refused at every place', async () => {
    let places = 0;
    for (const { object } of await readObjects([OVERLAY])) {
      const kind = kindOf(object) ?? '';
      if ((await schemas.check(object, kind)) === undefined) continue;
      for (const at of recordsIn(object)) {
        if (FREE.test(String(at.at(-1)))) continue;
        places++;
        const wrong = changed(object as object, { at: [...at, 'strange'], value: {} });
        const found = (await schemas.check(wrong, kind)) ?? [];
        expect([kind, at, found.map(({ path }) => path.split('.').at(-1))]).toEqual([kind, at, ['strange']]);
      }
    }
    expect(places).toBeGreaterThan(500);
  });

  test.each(admissionCases.filter(({ accepted }) => accepted))(
    'a Service that the webhook accepts fits: $name',
    async ({ service }) => {
      expect(await schemas.check(service, SERVICE)).toEqual([]);
    },
  );

  test('types are checked', async () => {
    const at = ['spec', 'template', 'spec', 'containers', 0, 'image'];
    expect(await schemas.check(changed(goodService(), { at, value: 3 }), SERVICE)).toEqual([
      {
        kind: 'refused',
        path: 'spec.template.spec.containers[0].image',
        sentence: 'The schema says that it must be string.',
      },
    ]);
  });

  test.each([
    'sources.knative.dev/v1 KafkaSource',
    'eventing.knative.dev/v1alpha1 KafkaSink',
    'kafka.strimzi.io/v1 KafkaTopic',
    'route.openshift.io/v1 Route',
    '../../../etc Passwd',
  ])('%s is not checked', async (kind) => {
    expect(await schemas.check({}, kind)).toBeUndefined();
  });

  test('production fits, and the kinds that were not checked are named', async () => {
    const { lines, summary } = await checkObjects(await readObjects([OVERLAY]), schemas);
    expect(lines).toEqual([]);
    const said = summary.join('\n');
    expect(said).toMatch(
      /npm packages @kubernetes-models\/knative and kubernetes-models, as \.\.\/shared\/crds is not there/,
    );
    expect(said).toMatch(/so that fields were NOT checked: .*sources.knative.dev\/v1 KafkaSource/);
    expect(said).toMatch(
      /NOT checked at all: eventing.knative.dev\/v1alpha1 KafkaSink .*kafka.strimzi.io\/v1 KafkaTopic/,
    );
  });
});

(existsSync(REAL) ? describe : describe.skip)('with the real definitions', () => {
  let schemas: Schemas;
  beforeAll(async () => {
    schemas = await ofCrds(REAL);
  });

  test.each(admissionCases.filter(({ accepted }) => accepted))(
    'a Service that the webhook accepts fits: $name',
    async ({ service }) => {
      expect(await schemas.check(service, SERVICE)).toEqual([]);
    },
  );

  test('a misspelt field is refused', async () => {
    const misspelt = admissionCases.find(({ name }) => name === 'unknown field');
    expect(await schemas.check(misspelt?.service, SERVICE)).toEqual([
      { kind: 'refused', path: 'spec.template.spec.containerConcurency', sentence: expect.any(String) },
    ]);
  });

  test('every kind of Knative, its data layer and its secrets has its schema, and fits', async () => {
    const { lines, summary } = await checkObjects(await readObjects([OVERLAY]), schemas);
    expect(lines).toEqual([]);
    const unchecked = summary.filter((line) => line.includes('NOT checked')).join(' ');
    expect(unchecked).not.toMatch(/knative|strimzi|cnpg|external-secrets/);
  });

  test.each([
    ['delivery', 'KafkaSource', 'backoffDelay', 'backOffDelay'],
    ['a topic', 'KafkaTopic', 'partitions', 'partition'],
    ['a schedule', 'PingSource', 'timezone', 'timeZone'],
    ['a probe', 'Service', 'periodSeconds', 'periodSecond'],
    ['a backup', 'Cluster', 'retentionPolicy', 'retention'],
    ['a network policy', 'NetworkPolicy', 'podSelector', 'podSelecter'],
    ['a disruption budget', 'PodDisruptionBudget', 'maxUnavailable', 'maxUnavailble'],
    ['a deployment', 'Deployment', 'readinessProbe', 'readynessProbe'],
  ])('a misspelt field of %s is refused', async (_what, kind, right, wrong) => {
    const objects = (await readObjects([OVERLAY]))
      .filter(({ object }) => (object as { kind: string }).kind === kind)
      .map(({ object }) => JSON.parse(JSON.stringify(object).replaceAll(`"${right}"`, `"${wrong}"`)));
    const found = await Promise.all(objects.map((object) => schemas.check(object, kindOf(object) ?? '')));
    expect(found.flat().map((each) => each?.path.split('.').at(-1))).toContain(wrong);
  });

  test.each<[string, string, (string | number)[], unknown, string]>([
    [
      'an image and a catalogue',
      'Cluster',
      ['spec', 'imageCatalogRef'],
      { ...CATALOGUE, major: 18 },
      'imageName and imageCatalogRef are mutually exclusive',
    ],
    [
      'a catalogue of another kind',
      'Pooler',
      ['spec', 'pgbouncer', 'imageCatalogRef'],
      { ...CATALOGUE, kind: 'Images', key: 'pgbouncer' },
      'Only ImageCatalog and ClusterImageCatalog are supported',
    ],
  ])('a rule in CEL is kept: %s', async (_what, kind, at, value, sentence) => {
    const objects = (await readObjects([OVERLAY])).map(({ object }) => object as { kind: string });
    const one = objects.find((object) => object.kind === kind);
    const found = await schemas.check(changed(one, { at, value }), kindOf(one) ?? '');
    expect(found?.map((each) => each.sentence)).toEqual([`The definition says: ${sentence}.`]);
    expect(schemas.notEvaluated).toEqual(new Set());
  });
});

/** The paths of all records in a document, including its own. */
function* recordsIn(value: unknown, at: (string | number)[] = []): Generator<(string | number)[]> {
  if (typeof value !== 'object' || value === null) return;
  if (!Array.isArray(value)) yield at;
  for (const [name, member] of Object.entries(value)) {
    yield* recordsIn(member, [...at, Array.isArray(value) ? Number(name) : name]);
  }
}

describe('node knative/lint/lint.ts', () => {
  const lint = (paths: string[], input = '', environment: Record<string, string> = {}) =>
    new Promise<{ code: number; stdout: string; stderr: string }>((resolve) => {
      const child = execFile(
        process.execPath,
        [join(ROOT, 'knative/lint/lint.ts'), ...paths],
        { cwd: ROOT, env: { ...process.env, ...environment } },
        (error, stdout, stderr) => resolve({ code: Number(error?.code ?? 0), stdout, stderr }),
      );
      child.stdin?.end(input);
    });

  test('checks both overlays without arguments, and finds nothing', async () => {
    const { code, stdout } = await lint([]);
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: expect.stringMatching(/a cluster would refuse 0 things, our policy 0\.\n$/),
    });
  });

  test('names file, place and reason, and exits with 1', async () => {
    const file = join(temporary.path, 'bad.yaml');
    const bad = changed(goodService(), { at: ['spec', 'template', 'spec', 'timeoutSeconds'], value: 601 });
    await writeFile(file, `${JSON.stringify(bad)}\n---\nkind: [`);
    const { code, stdout } = await lint([file]);
    expect(code).toBe(1);
    expect(stdout).toContain(`${file}: Service/pay spec.template.spec.timeoutSeconds: It must be a whole number`);
    expect(stdout).toContain(`${file}: It is not YAML`);
  });

  test('reads rendered documents from standard input, where images need a tag or a digest', async () => {
    const service = changed(goodService(), {
      at: ['spec', 'template', 'spec', 'containers', 0, 'image'],
      value: 'functions',
    });
    const policy = '{ apiVersion: route.openshift.io/v1, kind: Route, metadata: { name: functions } }';
    const { code, stdout } = await lint(['-'], `${JSON.stringify(service)}\n---\n${policy}\n---\n`);
    expect(code).toBe(1);
    expect(stdout).toContain('-: Service/pay spec.template.spec.containers[0].image: Without a tag or a digest');
    expect(stdout).toMatch(/NOT checked at all: route.openshift.io\/v1 Route \(1\)/);
    expect(stdout).toContain('2 objects');
  });

  test('an empty folder is no success, and a missing path is named', async () => {
    expect((await lint(['-'], '\n')).code).toBe(1);
    expect(await lint(['nowhere.yaml'])).toMatchObject({ code: 64, stderr: expect.stringMatching(/nowhere.yaml/) });
    const named = await lint([], '', { CRD_SCHEMAS: '/nowhere' });
    expect(named).toMatchObject({ code: 64, stderr: expect.stringMatching(/CRD_SCHEMAS/) });
  });

  test('a folder with a kustomization is rendered, any other folder is read file by file', async () => {
    const folder = join(temporary.path, 'place');
    await mkdir(folder);
    const topic = 'apiVersion: kafka.strimzi.io/v1\nkind: KafkaTopic\nmetadata: { name: t }\nspec: { partitions: 1 }';
    await writeFile(join(folder, 'topic.yaml'), topic);
    const read = async () => (await readObjects([folder])).map(({ object, rendered }) => [object, rendered]);
    const object = {
      apiVersion: 'kafka.strimzi.io/v1',
      kind: 'KafkaTopic',
      metadata: { name: 't' },
      spec: { partitions: 1 },
    };
    expect(await read()).toEqual([[object, false]]);
    const kustomization =
      'apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nnamespace: here\nresources: [topic.yaml]';
    await writeFile(join(folder, 'kustomization.yaml'), kustomization);
    expect(await read()).toEqual([[{ ...object, metadata: { name: 't', namespace: 'here' } }, true]]);
  });

  test('empty documents give no objects', () => {
    expect(objectsOf('x', '---\n# only a comment\n---\n')).toEqual([]);
  });
});
