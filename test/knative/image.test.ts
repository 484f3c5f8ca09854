// The container image holds enough: the migrations run from it, and a function that needs the native package logs a
// user in. The Containerfile itself is built by the pipeline; no container engine runs here.

import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { functionPaths, ROOT, writtenServices } from '../../knative/functions.ts';
import { assemble } from '../../knative/image/assemble.ts';
import { runMigrations } from '../../migrations/run.ts';
import { bundleName } from '../../shared/platform/host/bundle-name.ts';
import { createTestDatabase } from '../setup/database.ts';
import { startFunction } from '../setup/function-process.ts';
import { type TemporaryDirectory, temporaryDirectory } from '../setup/temporary-directory.ts';

const run = promisify(execFile);
const PATIENCE_MS = 300_000;
let directory: TemporaryDirectory;
let image: string;

beforeAll(async () => {
  directory = await temporaryDirectory();
  image = join(directory.path, 'app');
  await assemble(image);
}, PATIENCE_MS);
afterAll(() => directory.remove());

test('every program that a manifest names is in it', async () => {
  const there = new Set(await readdir(image, { recursive: true }));
  const services = await writtenServices(join(ROOT, 'knative'));
  const named = [...services.map(({ args }) => bundleName(args)), 'serve.mjs', 'migrations/run.mjs'];
  expect(named.filter((program) => !there.has(program))).toEqual([]);
  // Any function can be taken out of its group without a new image.
  const alone = (await functionPaths()).map((path) => bundleName([path]));
  expect(alone.filter((program) => !there.has(program))).toEqual([]);
});

test('a container starts the functions that its arguments name, and says so when no bundle holds them', async () => {
  const start = (...args: string[]) =>
    run(process.execPath, ['serve.mjs', ...args], { cwd: image, env: { PORT: 'none' } }).then(
      () => '',
      ({ stderr }: { stderr: string }) => stderr,
    );
  expect(await start('documentation', 'identity/jwks')).toContain('PORT must be a whole number');
  expect(await start('wallet/pay')).toContain('PORT must be a whole number');
  expect(await start('wallet/pay', 'wallet/void')).toContain('Error: no bundle holds wallet/pay, wallet/void.');
  expect(await start()).toContain('Error: no bundle holds nothing.');
});

test('the image holds a shared package once, and no path of the machine that built it', async () => {
  const programs = (await readdir(image, { recursive: true })).filter((name) => name.endsWith('.mjs'));
  const texts = await Promise.all(
    programs.map(async (name) => [name, await readFile(join(image, name), 'utf8')] as const),
  );
  const holding = (words: string) => texts.flatMap(([name, text]) => (text.includes(words) ? [name] : [])).sort();
  expect(holding('SASL: SCRAM-SERVER-FINAL-MESSAGE')).toEqual(['migrations/run.mjs', 'packages/pg.mjs']);
  expect(holding(ROOT)).toEqual([]);
});

test('the migrations run from it, and find nothing to do where ours have run', async () => {
  const database = await createTestDatabase();
  try {
    const ran = await run(process.execPath, ['migrations/run.mjs'], {
      cwd: image,
      env: { MIGRATION_DATABASE_URL: database.urls.migrator },
    });
    expect(ran.stdout).toBe('nothing to migrate\n');
    expect(await runMigrations(database.urls.migrator)).toEqual([]);
  } finally {
    await database.drop();
  }
});

test('the native package works without the packages of this repository', async () => {
  const program = `
    import { createRequire } from 'node:module';
    const argon2 = createRequire(process.cwd() + '/login.mjs')('argon2');
    const hash = await argon2.hash('kuda putih', { type: argon2.argon2id });
    process.stdout.write(String(await argon2.verify(hash, 'kuda putih')));`;
  const ran = await run(process.execPath, ['--input-type=module', '--eval', program], { cwd: image, env: {} });
  expect(ran.stdout).toBe('true');
});

test('the API document is in it, and served with the address of the place', async () => {
  const openapi = await startFunction('openapi', { PUBLIC_URL: 'https://pay.example.co.id' }, image);
  try {
    const answer = await fetch(`${openapi.url}/v1/openapi.json`);
    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({ openapi: '3.1.0', servers: [{ url: 'https://pay.example.co.id' }] });
  } finally {
    openapi.kill('SIGTERM');
    await openapi.ended;
  }
});

test('the Containerfile copies what assembling needs, and no secret', async () => {
  const text = await readFile(join(ROOT, 'knative/image/Containerfile'), 'utf8');
  expect(text).toMatch(/^USER 65532$/m);
  expect(text).not.toMatch(/:latest\b|--mount=type=secret|^ARG .*(TOKEN|PASSWORD|KEY)/im);
  const copied = [...text.matchAll(/^COPY (\w+) \1$/gm)].map(([, folder]) => folder);
  expect(copied).toEqual(['functions', 'shared', 'migrations', 'knative']);
});
