// Finds the bundle of the functions that a process serves. It imports nothing, because it runs before the bundle is
// loaded.

/** "wallet.pay.mjs" for ["wallet/pay"]. For several functions their names in order, with "+" between them. */
export function bundleName(args: readonly string[]): string {
  return `${args.toSorted().join('+').replaceAll('/', '.')}.mjs`;
}
