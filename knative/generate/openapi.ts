// The API document of all functions, from their declarations. The build writes it beside the bundles, because a function cannot import
// the others.

import { readdir, readFile } from 'node:fs/promises';
import type { DescribedFunction } from '../../shared/documentation/described-function.ts';
import { describeApi } from '../../shared/documentation/document.ts';
import type { OpenApiDocument } from '../../shared/documentation/openapi.ts';
import type { FunctionDeclaration } from '../../shared/http/function.ts';

const root = new URL('../../', import.meta.url);

export async function apiDocument(): Promise<OpenApiDocument> {
  const { version } = JSON.parse(await readFile(new URL('package.json', root), 'utf8'));
  return describeApi(await everyFunction(), version);
}

export async function everyFunction(): Promise<DescribedFunction[]> {
  const files = (await readdir(new URL('functions/', root), { recursive: true })).filter((file) =>
    file.endsWith('.ts'),
  );
  return Promise.all(
    files.sort().map(async (file) => {
      const { default: declaration }: { default?: FunctionDeclaration } = await import(
        new URL(`functions/${file}`, root).href
      );
      if (!declaration) throw new Error(`functions/${file} has no declaration as its default export.`);
      return { domain: file.split('/', 1)[0] as string, declaration };
    }),
  );
}
