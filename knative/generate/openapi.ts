// The API document of all functions, from their declarations. The build writes it beside the bundles, because a function cannot import
// the others.

import { readdir, readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import type { DescribedFunction, Quota } from '../../shared/documentation/described-function.ts';
import { describeApi } from '../../shared/documentation/document.ts';
import type { OpenApiDocument } from '../../shared/documentation/openapi.ts';
import type { FunctionDeclaration } from '../../shared/http/function.ts';

const root = new URL('../../', import.meta.url);

export async function apiDocument(): Promise<OpenApiDocument> {
  const { version } = JSON.parse(await readFile(new URL('package.json', root), 'utf8'));
  return describeApi(await everyFunction(), version);
}

export async function everyFunction(): Promise<DescribedFunction[]> {
  const quotas = await gatewayQuotas();
  const files = (await readdir(new URL('functions/', root), { recursive: true })).filter((file) =>
    file.endsWith('.ts'),
  );
  return Promise.all(
    files.sort().map(async (file) => {
      const { default: declaration }: { default?: FunctionDeclaration } = await import(
        new URL(`functions/${file}`, root).href
      );
      if (!declaration) throw new Error(`functions/${file} has no declaration as its default export.`);
      const quota = quotas.get(declaration.name);
      return { domain: file.split('/', 1)[0] as string, declaration, ...(quota && { quota }) };
    }),
  );
}

interface GatewayService {
  name: string;
  routes?: { plugins?: { name: string; config: { minute?: number; limit_by?: string } }[] }[];
}

/** How often the gateway lets each function be called, by name. */
async function gatewayQuotas(): Promise<Map<string, Quota>> {
  const kong: { services: GatewayService[] } = parse(await readFile(new URL('kong/kong.yaml', root), 'utf8'));
  return new Map(
    kong.services.flatMap(({ name, routes }) => {
      const limit = routes?.flatMap(({ plugins }) => plugins ?? []).find((plugin) => plugin.name === 'rate-limiting');
      if (!limit?.config.minute) return [];
      return [[name, { perMinute: limit.config.minute, per: limit.config.limit_by === 'ip' ? 'address' : 'user' }]];
    }),
  );
}
