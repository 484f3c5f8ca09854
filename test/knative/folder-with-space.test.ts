// A checkout may lie anywhere: a copy in a folder whose name has a space and a percent sign builds, starts and renders as this one does.

import { execFile } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { cp, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { ROOT } from '../../knative/functions.ts';
import { createTestDatabase } from '../setup/database.ts';
import { startFunction } from '../setup/function-process.ts';
import { type TemporaryDirectory, temporaryDirectory } from '../setup/temporary-directory.ts';

let directory: TemporaryDirectory;
let copy: string;

beforeAll(async () => {
  directory = await temporaryDirectory();
  copy = join(directory.path, 'one gate 100%');
  await mkdir(copy);
  await Promise.all(
    ['.build', 'functions', 'kong', 'knative', 'migrations', 'package.json', 'shared'].map((name) =>
      cp(join(ROOT, name), join(copy, name), { recursive: true }),
    ),
  );
  await symlink(join(ROOT, 'node_modules'), join(copy, 'node_modules'));
}, 60_000);
afterAll(() => directory.remove());

async function runInCopy(program: string, args: readonly string[] = [], env: NodeJS.ProcessEnv = {}): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, [program, ...args], { cwd: copy, env });
  return stdout;
}

test('a bundle starts there and answers', async () => {
  const docs = await startFunction('docs', { PUBLIC_URL: 'https://pay.example.co.id' }, join(copy, '.build'));
  try {
    expect((await fetch(`${docs.url}/docs`)).status).toBe(200);
  } finally {
    docs.kill('SIGTERM');
    await docs.ended;
  }
});

test('migrations are found there', async () => {
  const database = await createTestDatabase();
  try {
    expect(await runInCopy('migrations/run.ts', [], { MIGRATION_DATABASE_URL: database.urls.migrator })).toBe(
      'nothing to migrate\n',
    );
  } finally {
    await database.drop();
  }
});

test('declarations of functions are found there', async () => {
  expect(await runInCopy('knative/generate.ts', ['--check'])).toBe('');
});

test('the overlays are rendered and checked there', async () => {
  expect(await runInCopy('knative/lint/lint.ts')).toContain('a cluster would refuse 0 things, our policy 0.');
});

test('the gateway’s configuration is rendered there', async () => {
  const key = generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' });
  await writeFile(join(copy, 'jwks.json'), JSON.stringify({ keys: [{ ...key, kid: 'key-1' }] }));
  await writeFile(join(copy, 'proof'), 'proof-of-a-gateway-in-a-folder-with-a-space');
  const place = ['--public-url', 'https://pay.example.co.id', '--redis-host', 'redis', '--keys', 'jwks.json'];
  expect(
    await runInCopy('kong/render.ts', [...place, '--proof', 'proof', '--operator-addresses', '10.20.0.0/16']),
  ).toContain('/v1/pay');
});

test('a bundle is built there', async () => {
  const build = "import { buildStarter } from './knative/local/build.ts'; await buildStarter('fresh build');";
  await writeFile(join(copy, 'build-starter.ts'), build);
  await runInCopy('build-starter.ts');
  await expect(runInCopy('fresh build/serve.mjs', ['wallet/nothing'])).rejects.toThrow(
    'no bundle holds wallet/nothing',
  );
});
