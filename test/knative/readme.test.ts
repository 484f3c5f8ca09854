// What the operator's documents and the deployment script name is there: commands and their options, files, make targets, objects, keys of
// the secret store, the image.

import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { ROOT } from '../../knative/functions.ts';
import { type KubernetesObject, renderKustomization } from '../../knative/local/kustomize.ts';
import { folderOf, type Overlay } from '../../knative/overlays.ts';

const textOf = (path: string) => readFileSync(join(ROOT, path), 'utf8');
const all = (text: string, pattern: RegExp) => [...new Set([...text.matchAll(pattern)].map(([, found = '']) => found))];

let objects: KubernetesObject[];
let staging: KubernetesObject[];
let storeKeys: Set<string>;

beforeAll(async () => {
  const rendered = async (overlay: Overlay) =>
    (await renderKustomization(folderOf(overlay))).map(({ object }) => object);
  objects = await rendered('production');
  staging = await rendered('staging');
  storeKeys = new Set(
    all(JSON.stringify(objects.filter(({ kind }) => kind === 'ExternalSecret')), /"remoteRef":\{"key":"([^"]+)"/g),
  );
});

const DOCUMENTS = [
  'README.md',
  'knative/README.md',
  'knative/tuning.md',
  'knative/measurements.md',
  'kong/README.md',
  'knative/deploy.sh',
];

describe.each(DOCUMENTS)('%s', (path) => {
  const text = textOf(path);

  test('commands of Node are files, and know the options they are given', () => {
    const commands = [...text.replaceAll('\\\n', ' ').matchAll(/(?<![\w./-])node ([\w./-]+\.ts)([^`\n|]*)/g)];
    for (const [, file = '', rest = ''] of commands) {
      const found = [
        join(ROOT, file),
        join(ROOT, dirname(path), file),
        join(ROOT, 'knative/overlays/production', file),
      ].find(existsSync);
      expect({ file, found: found !== undefined }).toEqual({ file, found: true });
      const source = readFileSync(found as string, 'utf8');
      for (const option of all(rest, /--([a-z-]+)/g)) {
        expect({ file, option, known: new RegExp(`['"]?${option}['"]?:`).test(source) }).toEqual({
          file,
          option,
          known: true,
        });
      }
    }
  });

  test('make knows its targets', () => {
    const targets = new Set(all(textOf('Makefile'), /^([a-z]+):/gm));
    expect(all(text, /`make ([a-z]+)/g).filter((target) => !targets.has(target))).toEqual([]);
  });

  test('files and folders are there', () => {
    const named = all(text, /`([a-z][\w-]*\/[\w./-]*)`/g).filter((name) => !/^(one-gate|v1|otel)\//.test(name));
    const places = [ROOT, join(ROOT, dirname(path)), join(ROOT, 'knative')];
    // What only runs make: the build, and the laptop's data.
    const missing = named.filter(
      (name) => !/^\.(build|data)/.test(name) && !places.some((place) => existsSync(join(place, name))),
    );
    expect(missing).toEqual([]);
  });

  test('objects have the names that are told', () => {
    const there = new Set([...objects, ...staging].map(({ metadata }) => metadata.name));
    // Within the text in backticks or in a command: one-gate-redis, configmap one-gate ...
    const named = all(text, /(?<![\w/.-])(one-gate-[a-z]+(?:-[a-z]+)*)(?=[`\s./:,)]|$)/gm);
    expect(named.filter((name) => !there.has(name) && !/^one-gate-(database|test)$/.test(name))).toEqual([]);
  });

  test('the store has no key that nobody reads, and nobody reads another one', () => {
    const rows = all(text, /^\| (`one-gate\/[^|]+) \|/gm);
    if (rows.length === 0) return;
    const named = rows.flatMap((row) => {
      const [first = '', ...more] = all(row, /`([^`]+)`/g);
      // "`one-gate/database-migrator`, `-money`": what follows the first dash changes.
      const [stem = ''] = /^one-gate\/[a-z]+/.exec(first) ?? [];
      return [first, ...more.map((name) => (name.startsWith('-') ? stem + name : name))];
    });
    // What follows from declarations is not written twice.
    expect(text).toContain('`data/provider-secrets.yaml`');
    const declared = all(textOf('knative/data/provider-secrets.yaml'), /remoteRef: \{ key: (\S+) \}/g);
    expect([...named, ...declared].sort()).toEqual([...storeKeys].sort());
  });

  test('the image is the one that is deployed', () => {
    const used = new Set(all(JSON.stringify(objects), /"image":"(ghcr\.io\/one-gate\/[\w-]+)@/g));
    expect(all(text, /(ghcr\.io\/one-gate\/[\w-]+)/g).filter((image) => !used.has(image))).toEqual([]);
  });
});

test('what the deployment waits for, and selects, is there', () => {
  const script = textOf('knative/deploy.sh');
  for (const [, resource = '', name = ''] of script.matchAll(/([a-z]+)(?:\.[a-z.]+)?\/(one-gate-[a-z-]+)/g)) {
    const found = objects.find(({ kind, metadata }) => kind.toLowerCase() === resource && metadata.name === name);
    expect({ resource, name, found: found !== undefined }).toEqual({ resource, name, found: true });
  }
  for (const step of all(script, /deploy\.one-gate\/step=([a-z]+)/g)) {
    const labelled = objects.filter(({ metadata }) => metadata.labels?.['deploy.one-gate/step'] === step);
    expect({ step, some: labelled.length > 0 }).toEqual({ step, some: true });
  }
  // What functions and migrations need is there before them.
  const ground = objects
    .filter(({ metadata }) => metadata.labels?.['deploy.one-gate/step'] === 'ground')
    .map(({ kind }) => kind);
  expect(ground).toEqual(
    expect.arrayContaining(['ExternalSecret', 'Cluster', 'Kafka', 'ServiceAccount', 'NetworkPolicy']),
  );
});
