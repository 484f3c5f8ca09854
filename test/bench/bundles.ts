// The functions as they are deployed, one file each, and the plain way built the same.

import { build } from 'esbuild';
import { buildFunctions, ROOT } from '../../knative/local/build.ts';

/** Builds into `outdir` and returns it: `pay.mjs` and `plain-pay.mjs`. */
export async function buildBundles(outdir: string): Promise<string> {
  await Promise.all([buildFunctions(outdir), buildPlainPay(outdir)]);
  return outdir;
}

// With the options of knative/local/build.ts, which builds what lies in functions/ only.
async function buildPlainPay(outdir: string): Promise<void> {
  await build({
    absWorkingDir: ROOT,
    stdin: {
      contents: `import declaration from './test/bench/plain-pay.ts'; import { run } from './shared/host/serve.ts'; await run(declaration);`,
      resolveDir: ROOT,
      sourcefile: 'plain-pay.entry.ts',
    },
    bundle: true,
    splitting: true,
    platform: 'node',
    format: 'esm',
    target: 'node24',
    outdir,
    entryNames: 'plain-pay',
    chunkNames: 'plain-pay/[name]-[hash]',
    outExtension: { '.js': '.mjs' },
    minifySyntax: true,
    minifyWhitespace: true,
    external: ['argon2', 'pg-native'],
    banner: {
      js: "import { createRequire as createRequireOfBundle } from 'node:module'; const require = createRequireOfBundle(import.meta.url);",
    },
    logLevel: 'silent',
  });
}
