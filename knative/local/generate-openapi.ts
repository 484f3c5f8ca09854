// `npm run openapi`: writes functions/documentation/openapi.json from the declarations of all functions. The file is committed, because
// a function cannot import the others; test/functions/documentation/openapi.test.ts fails when it is stale.

import { readdir, readFile, writeFile } from 'node:fs/promises';
import { parse } from 'yaml';
import type { DescribedFunction, Quota } from '../../shared/documentation/described-function.ts';
import { describeApi } from '../../shared/documentation/document.ts';
import type { FunctionDeclaration } from '../../shared/http/function.ts';

const root = new URL('../../', import.meta.url);
export const openapiFile = new URL('functions/documentation/openapi.json', root);

/** The document as the file must hold it. */
export async function generateOpenapi(): Promise<string> {
  const { version } = JSON.parse(await readFile(new URL('package.json', root), 'utf8'));
  return `${JSON.stringify(describeApi(await everyFunction(), version), null, 2)}\n`;
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

if (import.meta.main) await writeFile(openapiFile, await generateOpenapi());
