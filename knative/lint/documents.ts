// Finds the objects to check: in files, in folders, on standard input. A folder with a kustomization.yaml is rendered.

import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { text } from 'node:stream/consumers';
import { parseAllDocuments } from 'yaml';
import { renderKustomization } from '../local/kustomize.ts';

export interface ObjectOfFile {
  file: string;
  object: unknown;
  /** True when a cluster would get exactly this: an overlay adds nothing to it any more. */
  rendered: boolean;
  /** A sentence instead of an object, when the text is not YAML. */
  broken?: string;
}

export const STANDARD_INPUT = '-';

/** Throws when a path does not exist. */
export async function readObjects(paths: readonly string[]): Promise<ObjectOfFile[]> {
  return (await Promise.all(paths.map(objectsAt))).flat();
}

async function objectsAt(path: string): Promise<ObjectOfFile[]> {
  if (path === STANDARD_INPUT) return objectsOf(path, await text(process.stdin), true);
  if (!(await stat(path)).isDirectory()) return objectsOf(path, await readFile(path, 'utf8'));
  const names = await readdir(path, { recursive: true });
  if (names.includes('kustomization.yaml')) {
    const rendered = await renderKustomization(path);
    return rendered.map(({ object, file }) => ({ file: join(path, file), object, rendered: true }));
  }
  const files = names.filter((name) => /\.ya?ml$/.test(name)).sort();
  const read = files.map(async (name) => objectsOf(join(path, name), await readFile(join(path, name), 'utf8')));
  return (await Promise.all(read)).flat();
}

/** Several documents give several objects; an empty document gives none. */
export function objectsOf(file: string, content: string, rendered = false): ObjectOfFile[] {
  const documents = parseAllDocuments(content);
  return documents.flatMap((document): ObjectOfFile[] => {
    if (document.errors[0])
      return [{ file, object: undefined, rendered, broken: document.errors[0].message.split('\n')[0] ?? '' }];
    const object: unknown = document.toJS();
    return object === null || object === undefined ? [] : [{ file, object, rendered }];
  });
}
