// The files that a bundle makes Node read: the bundle with everything that it imports, and the files that it loads when
// needed.

import { basename } from 'node:path';
import type { Metafile } from 'esbuild';

/** Bytes. */
export interface Loaded {
  atStart: number;
  later: number;
}

/** `built`: of the bundle, and of the packages that it shares with others. */
export function loadedOf(name: string, ...built: readonly Metafile[]): Loaded {
  const outputs = built.flatMap((each) => Object.entries(each.outputs));
  const byName = new Map(outputs.map(([path, output]) => [basename(path), output]));
  const read = (later: boolean, file = `${name}.mjs`, seen = new Set<string>()): number => {
    const output = byName.get(file);
    if (!output || seen.has(file)) return 0;
    seen.add(file);
    const followed = output.imports.filter(({ kind }) => later || kind === 'import-statement');
    return followed.reduce((bytes, { path }) => bytes + read(later, basename(path), seen), output.bytes);
  };
  const atStart = read(false);
  return { atStart, later: read(true) - atStart };
}
