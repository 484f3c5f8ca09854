// What the pipeline names is there: commands, their options, overlays; and what its README tells Jenkins to hold is what it asks for.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { ROOT } from '../../knative/functions.ts';

const textOf = (path: string) => readFileSync(join(ROOT, path), 'utf8');
const all = (text: string, pattern: RegExp) => [...new Set([...text.matchAll(pattern)].map(([, found = '']) => found))];

const pipeline = textOf('.ci/Jenkinsfile');
const commands = [...all(pipeline, /\bsh '([^']+)'/g), ...all(pipeline, /\bsh "([^"]+)"/g)];

test('files that its commands name are there, and options are known', () => {
  // Paths among the words of the commands, such as `-f knative/image/Containerfile`.
  const named = commands.flatMap((command) => all(command, /(?<![\w"$/.=-])(\.?[a-z][\w-]*(?:\/[\w.-]+)+)/g));
  expect(named).toEqual(expect.arrayContaining(['.ci/run', 'knative/deploy.sh', 'knative/image/Containerfile']));
  expect(named.filter((path) => !path.startsWith('node_modules/') && !existsSync(join(ROOT, path)))).toEqual([]);
  const programs = commands.flatMap((command) => [...command.matchAll(/node (knative\/[\w./-]+\.ts)(.*)/g)]);
  expect(programs).not.toEqual([]);
  for (const [, file = '', rest = ''] of programs) {
    for (const option of all(rest, /--([a-z-]+)/g)) {
      const known = new RegExp(`\\b${option}: \\{ type:`).test(textOf(file));
      expect({ file, option, known }).toEqual({ file, option, known: true });
    }
  }
  const sources = /-Dsonar\.sources=([\w,]+)/.exec(pipeline)?.[1]?.split(',') ?? [];
  expect(sources.filter((folder) => !existsSync(join(ROOT, folder)))).toEqual([]);
});

test('it starts with a push, and promotes to every place in order', () => {
  expect(pipeline).toMatch(/triggers \{\s*\/\/[^\n]*\n\s*GenericTrigger\(/);
  const places = [...pipeline.matchAll(/\bdeploy\('(\w+)'\)/g)].map(([, place]) => place);
  expect(places).toEqual(['development', 'staging', 'production']);
  expect(places.slice().sort()).toEqual(readdirSync(join(ROOT, 'knative/overlays')).sort());
});

test('one digest goes to every place', () => {
  expect(all(pipeline, /(podman build|docker build)/g)).toHaveLength(1);
  expect(all(pipeline, /kustomize edit set image "([^"]+)/g)).toEqual(['ghcr.io/one-gate/functions=$IMAGE@$(cat ']);
  expect(pipeline.match(/--digestfile image\.digest/g)).toHaveLength(1);
});

test('its README names the credentials that it asks for', () => {
  const asked = [
    ...all(pipeline, /credentialsId: ['"]([^'"]+)['"]/g),
    ...all(pipeline, /tokenCredentialId: '([^']+)'/g),
    ...all(pipeline, /= credentials\('([^']+)'\)/g),
  ].map((id) => id.replace(/\$\{place\}/, '<place>'));
  const rows = textOf('.ci/README.md')
    .split('\n')
    .filter((line) => line.startsWith('| `one-gate'));
  const named = rows.flatMap((row) => all(row.split(' | ')[0] ?? '', /`([^`]+)`/g));
  expect(named.sort()).toEqual(asked.sort());
});
