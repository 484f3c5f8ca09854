// What a bundle makes Node read: the file itself with everything that it imports, and what waits in files for when it is needed.

import { basename } from 'node:path';
import type { Metafile } from 'esbuild';

/** Bytes. */
export interface Loaded {
  atStart: number;
  later: number;
}

export function loadedOf(name: string, { outputs }: Metafile): Loaded {
  const byName = new Map(Object.entries(outputs).map(([path, output]) => [basename(path), output]));
  const read = new Set<string>();
  const visit = (file: string) => {
    const output = byName.get(file);
    if (!output || read.has(file)) return;
    read.add(file);
    for (const { path, kind } of output.imports) if (kind === 'import-statement') visit(basename(path));
  };
  visit(`${name}.mjs`);
  let [atStart, all] = [0, 0];
  for (const [file, { bytes }] of byName) {
    all += bytes;
    if (read.has(file)) atStart += bytes;
  }
  return { atStart, later: all - atStart };
}
