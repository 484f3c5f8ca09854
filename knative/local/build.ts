// Bundles into `.build`: each function into one file (wallet.pay.mjs), each group that a manifest names into one
// (operators.mjs), the code that they load later into files beside it, and the packages that all of them share into
// `packages`. A cold start then reads a few files instead of hundreds. `serve.mjs` starts one by the arguments of a
// container. The API document, which some functions serve, is written beside the bundles. `node knative/local/build.ts`

import { randomBytes } from 'node:crypto';
import { copyFile, mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import process from 'node:process';
import { type BuildOptions, build, type Metafile, type OutputFile, type Plugin } from 'esbuild';
import { API_DOCUMENT } from '../../shared/documentation/api-document.ts';
import { longEnough } from '../../shared/passwords/commonest.ts';
import { bundleName } from '../../shared/platform/host/bundle-name.ts';
import { functionPaths, functionsNamed, ROOT, writtenServices } from '../functions.ts';
import { apiDocument } from '../generate/openapi.ts';

/** CommonJS packages call require, which modules do not have. */
export const REQUIRE = "const require = process.getBuiltinModule('node:module').createRequire(import.meta.url);";

/** Not bundled: argon2 is native and loaded from node_modules; pg-native is an option of pg that we do not use. */
export const EXTERNAL = ['argon2', 'pg-native'];

/**
 * Bundles from Node's own modules only the members that a file imports. A plain `import` reads all that such a module
 * exports: of node:http that is WebSocket, for which Node loads its whole fetch, of node:crypto webcrypto. That is tens
 * of milliseconds of every cold start.
 */
const BUILT_IN: Plugin = {
  name: 'built-in modules',
  setup({ onResolve, onLoad }) {
    const namespace = 'built-in';
    // One for each file that imports it: a module that several files share would become a file of its own in the build.
    onResolve({ filter: /^node:/ }, ({ kind, path, importer }) =>
      kind === 'import-statement' ? { path, namespace, suffix: `?for=${importer}` } : undefined,
    );
    onLoad({ filter: /./, namespace }, ({ path }) => {
      const names = Object.keys(process.getBuiltinModule(path) ?? {}).filter((name) => name !== 'default');
      // Pure, so that esbuild leaves unused members out.
      const members = names.map((name) => `export const ${name} = /* @__PURE__ */ (() => all.${name})();`);
      return {
        contents: [`const all = process.getBuiltinModule('${path}');`, 'export default all;', ...members].join('\n'),
      };
    });
  },
};

const PACKAGES = join(ROOT, 'shared/platform/packages');

/** Each package is a file of its own, which every function finds, wherever its bundle lies. */
const SHARED_PACKAGES: Plugin = {
  name: 'shared packages',
  setup({ onResolve }) {
    onResolve({ filter: /\/packages\/[\w-]+\.ts$/ }, ({ path }) => ({
      path: `#packages/${basename(path, '.ts')}.mjs`,
      external: true,
    }));
  },
};

/** Keeps only the common passwords that the rule about length does not refuse already. */
const COMMON_PASSWORDS: Plugin = {
  name: 'common passwords',
  setup({ onLoad }) {
    onLoad({ filter: /language-common[\\/]src[\\/]passwords\.json$/ }, async ({ path }) => ({
      contents: JSON.stringify(longEnough(JSON.parse(await readFile(path, 'utf8')))),
      loader: 'json',
    }));
  },
};

const REDOC = ['redoc.standalone.js', 'redoc.standalone.js.LICENSE.txt'];

export interface Bundle {
  /** The `args` of the Service or function that it holds. */
  args: readonly string[];
  metafile: Metafile;
}

const COMMON = {
  absWorkingDir: ROOT,
  bundle: true,
  metafile: true,
  write: false,
  platform: 'node',
  format: 'esm',
  target: 'node24',
  outExtension: { '.js': '.mjs' },
  // Names stay: people read the stack traces in logs.
  minifySyntax: true,
  minifyWhitespace: true,
  external: EXTERNAL,
  banner: { js: REQUIRE },
  logLevel: 'silent',
} as const satisfies BuildOptions;

/** Throws esbuild's error, which names file and line, or says which declaration cannot be described. */
export async function buildFunctions(outdir = join(ROOT, '.build')): Promise<Bundle[]> {
  await mkdir(outdir, { recursive: true });
  // The page of the API document has its script beside it.
  for (const file of REDOC) await copyFile(join(ROOT, 'node_modules/redoc/bundles', file), join(outdir, file));
  await Promise.all([buildPackages(outdir), buildStarter(outdir)]);
  const contents = Buffer.from(JSON.stringify(await apiDocument()));
  await replaceIfChanged({ path: join(outdir, API_DOCUMENT), contents });
  const paths = await functionPaths();
  const groups = (await writtenServices(join(ROOT, 'knative'))).map(({ args }) => args);
  const wanted = new Map([...paths.map((path) => [path]), ...groups].map((args) => [bundleName(args), args]));
  return Promise.all([...wanted.values()].map((args) => bundle(args, paths, outdir)));
}

/** `serve.mjs`, which containers run. */
export async function buildStarter(outdir: string): Promise<void> {
  const { outputFiles } = await build({
    ...COMMON,
    // It imports a bundle by a name that it learns when it runs.
    external: ['*.mjs'],
    entryPoints: [join(ROOT, 'shared/platform/host/start.ts')],
    entryNames: 'serve',
    outdir,
    plugins: [BUILT_IN],
  });
  await Promise.all(outputFiles.map(replaceIfChanged));
}

/** The packages that functions load later, into `<outdir>/packages`, beside the bundles. */
export async function buildPackages(outdir: string): Promise<Metafile> {
  const names = (await readdir(PACKAGES)).filter((name) => name.endsWith('.ts'));
  const { metafile, outputFiles } = await build({
    ...COMMON,
    entryPoints: names.map((name) => join(PACKAGES, name)),
    outdir: join(outdir, 'packages'),
    plugins: [BUILT_IN],
  });
  const manifest = JSON.stringify({ type: 'module', imports: { '#packages/*': './packages/*' } });
  await Promise.all(
    [...outputFiles, { path: join(outdir, 'package.json'), contents: Buffer.from(manifest) }].map(replaceIfChanged),
  );
  return metafile;
}

/** The functions that `args` name, as one program. */
export async function bundle(args: readonly string[], paths: readonly string[], outdir: string): Promise<Bundle> {
  const named = functionsNamed(args, paths);
  const entry = [
    ...named.map((path, index) => `import function${index} from './functions/${path}.ts';`),
    "import { run } from './shared/platform/host/serve.ts';",
    `await run([${named.map((_, index) => `function${index}`).join(', ')}]);`,
  ];
  return { args, metafile: await bundleProgram(basename(bundleName(args), '.mjs'), entry.join('\n'), outdir) };
}

/** Bundles any program in the same way as the functions, into `<name>.mjs`. */
export async function bundleProgram(name: string, contents: string, outdir: string): Promise<Metafile> {
  const { metafile, outputFiles } = await build({
    ...COMMON,
    stdin: { contents, resolveDir: ROOT, sourcefile: `${name}.entry.ts` },
    splitting: true,
    outdir,
    entryNames: name,
    chunkNames: `${name}/[name]-[hash]`,
    plugins: [BUILT_IN, SHARED_PACKAGES, COMMON_PASSWORDS],
  });
  await Promise.all(outputFiles.map(replaceIfChanged));
  return metafile;
}

// Writes a file whole or not at all, and only when it differs: a running platform may be starting a function from it.
async function replaceIfChanged({ path, contents }: Pick<OutputFile, 'path' | 'contents'>): Promise<void> {
  const present = await readFile(path).catch(() => undefined);
  if (present?.equals(contents)) return;
  await mkdir(dirname(path), { recursive: true });
  const fresh = `${path}.${randomBytes(4).toString('hex')}`;
  await writeFile(fresh, contents);
  await rename(fresh, path);
}

if (process.argv[1] === import.meta.filename) {
  const started = performance.now();
  const bundles = await buildFunctions();
  process.stdout.write(
    `${bundles.length} bundles of functions made in ${Math.round(performance.now() - started)} ms\n`,
  );
}
