// node knative/image/assemble.ts <folder>: puts together what the container image holds, and nothing else: a bundle for each function, the
// migrations, and the one native package, which cannot be bundled. The Containerfile runs it; a test starts functions from what it makes.

import { cp, mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { build } from 'esbuild';
import { ROOT } from '../functions.ts';
import { buildFunctions, EXTERNAL, REQUIRE } from '../local/build.ts';

/** Loaded from node_modules at run time: argon2 is native. Its other dependencies are for compiling it. */
const LOADED = ['argon2', '@phc/format', 'node-gyp-build'];
const MIGRATIONS = join(ROOT, 'migrations');

export async function assemble(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await buildFunctions(folder);
  await assembleMigrations(join(folder, 'migrations'));
  for (const name of LOADED) {
    await cp(join(ROOT, 'node_modules', name), join(folder, 'node_modules', name), { recursive: true });
  }
  await onlyPrebuilt(join(folder, 'node_modules/argon2'));
}

/** `migrations/run.mjs` beside the SQL that it runs. */
async function assembleMigrations(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const name of await readdir(MIGRATIONS)) {
    if (name.endsWith('.sql')) await cp(join(MIGRATIONS, name), join(folder, name));
  }
  const outfile = join(folder, 'run.mjs');
  await build({
    entryPoints: [join(MIGRATIONS, 'run.ts')],
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node24',
    outfile: `${outfile}.new`,
    external: EXTERNAL,
    banner: { js: REQUIRE },
    logLevel: 'silent',
  });
  await rename(`${outfile}.new`, outfile);
}

/** Leaves out sources and the binaries of other systems. */
async function onlyPrebuilt(folder: string): Promise<void> {
  const here = `${process.platform}-${process.arch}`;
  for (const name of await readdir(join(folder, 'prebuilds'))) {
    if (name !== here) await rm(join(folder, 'prebuilds', name), { recursive: true });
  }
  for (const name of ['argon2', 'binding.gyp', 'argon2.cpp'])
    await rm(join(folder, name), { recursive: true, force: true });
}

if (process.argv[1] === import.meta.filename) {
  const [folder] = process.argv.slice(2);
  if (!folder) {
    process.stderr.write('node knative/image/assemble.ts <folder>\n');
    process.exit(64);
  }
  await assemble(folder);
}
