// The functions as they are deployed, one file each, and the plain way, built in the same way.

import { functionPaths } from '../../knative/functions.ts';
import { buildPackages, bundle, bundleProgram } from '../../knative/local/build.ts';

const FUNCTIONS = ['wallet/pay', 'wallet/transfer', 'wallet/refund'];

/** Builds the measured programs into `outdir` and returns it: `wallet.pay.mjs`, `plain-pay.mjs` ... */
export async function buildBundles(outdir: string): Promise<string> {
  await buildPackages(outdir);
  const paths = await functionPaths();
  for (const path of FUNCTIONS) await bundle([path], paths, outdir);
  await bundleProgram('plain-pay', `import './test/bench/run-plain.ts';`, outdir);
  return outdir;
}
