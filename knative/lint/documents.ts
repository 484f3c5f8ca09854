// Finds the objects that are to be checked: in files, in folders, or in what is piped in.

import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { text } from 'node:stream/consumers';
import { parseAllDocuments } from 'yaml';

export interface ObjectOfFile {
  file: string;
  object: unknown;
  /** A sentence instead of an object, where the text is no YAML. */
  broken?: string;
}

export const STANDARD_INPUT = '-';

/** Throws when a path does not exist. */
export async function readObjects(paths: readonly string[]): Promise<ObjectOfFile[]> {
  const files = (await Promise.all(paths.map(filesAt))).flat();
  const read = files.map(async (file) =>
    objectsOf(file, file === STANDARD_INPUT ? await text(process.stdin) : await readFile(file, 'utf8')),
  );
  return (await Promise.all(read)).flat();
}

/** Several documents are several objects; empty ones are none. */
export function objectsOf(file: string, content: string): ObjectOfFile[] {
  const documents = parseAllDocuments(content);
  return documents.flatMap((document): ObjectOfFile[] => {
    if (document.errors[0])
      return [{ file, object: undefined, broken: document.errors[0].message.split('\n')[0] ?? '' }];
    const object: unknown = document.toJS();
    return object === null || object === undefined ? [] : [{ file, object }];
  });
}

async function filesAt(path: string): Promise<string[]> {
  if (path === STANDARD_INPUT || !(await stat(path)).isDirectory()) return [path];
  const names = await readdir(path, { recursive: true });
  return names
    .filter((name) => /\.ya?ml$/.test(name) && !isForKustomize(name))
    .sort()
    .map((name) => join(path, name));
}

/** Read by kustomize on the way to a cluster, which never sees it. */
function isForKustomize(name: string): boolean {
  return /(^|\/)kustomization\.ya?ml$/.test(name);
}
