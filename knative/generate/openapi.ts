// The API document of all functions, from their declarations. The build writes it beside the bundles, because a function cannot import
// the others.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DescribedFunction } from '../../shared/documentation/described-function.ts';
import { describeApi } from '../../shared/documentation/document.ts';
import type { OpenApiDocument } from '../../shared/documentation/openapi.ts';
import { declaredFunctions, ROOT } from '../functions.ts';

export async function apiDocument(): Promise<OpenApiDocument> {
  const { version } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8'));
  return describeApi(await everyFunction(), version);
}

export async function everyFunction(): Promise<DescribedFunction[]> {
  const functions = await declaredFunctions();
  return functions.map(({ path, declaration }) => ({ domain: path.split('/', 1)[0] as string, declaration }));
}
