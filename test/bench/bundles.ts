// The functions as they are deployed, one file each, and the plain way built the same.

import { buildPackages, bundle } from '../../knative/local/build.ts';

const SOURCES = [
  'functions/wallet/pay.ts',
  'functions/wallet/transfer.ts',
  'functions/wallet/refund.ts',
  'test/bench/plain-pay.ts',
];

/** Builds what is measured into `outdir` and returns it: `pay.mjs`, `plain-pay.mjs` ... */
export async function buildBundles(outdir: string): Promise<string> {
  await buildPackages(outdir);
  for (const source of SOURCES) await bundle(source, outdir);
  return outdir;
}
