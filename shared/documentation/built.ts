// Files that the build puts beside the bundles: the API document, and the script of its page.

import { readFile } from 'node:fs/promises';

/**
 * This module runs in one of three places: beside a bundle, below it in a later part, or in the build of a source tree.
 */
const PLACES = ['./', '../', '../../.build/'];

export async function builtFile(name: string): Promise<string> {
  for (const place of PLACES) {
    try {
      return await readFile(new URL(`${place}${name}`, import.meta.url), 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
  throw new Error(`${name} is not beside the bundles: \`make build\` puts it there.`);
}

/** Makes a value at the first request for it. A failure is not remembered. */
export function once<Made>(make: () => Promise<Made>): () => Promise<Made> {
  let made: Promise<Made> | undefined;
  return () => {
    made ??= make().catch((error) => {
      made = undefined;
      throw error;
    });
    return made;
  };
}
