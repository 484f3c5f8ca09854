// The functions as they are deployed, one file each, and the plain way built the same.

import { buildFunctions, bundle } from '../../knative/local/build.ts';

/** Builds into `outdir` and returns it: `pay.mjs` and `plain-pay.mjs`. */
export async function buildBundles(outdir: string): Promise<string> {
  await Promise.all([buildFunctions(outdir), bundle('test/bench/plain-pay.ts', outdir)]);
  return outdir;
}
