// Which bundle holds the functions that a process is told to serve. It imports nothing: it is read before the bundle is.

/** "wallet.pay.mjs" of ["wallet/pay"]; of several their names in order, with "+" between them. */
export function bundleName(args: readonly string[]): string {
  return `${args.toSorted().join('+').replaceAll('/', '.')}.mjs`;
}
