// The part of a Service's manifest that follows from declarations: its labels, which name the resources that its
// functions use. The rest of a manifest is written by hand and left as it is.

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Uses } from '../../shared/platform/http/function.ts';
import {
  type DeclaredFunction,
  declaredFunctions,
  functionsNamed,
  hostsOf,
  ROOT,
  writtenServices,
} from '../functions.ts';

const SERVICES = join(ROOT, 'knative/base/services');

export interface Generated {
  /** Within the project. */
  file: string;
  text: string;
}

/** The manifests of Services as they must read. Throws a sentence for functions that cannot share a Service. */
export async function manifestsWithUses(): Promise<Generated[]> {
  const functions = await declaredFunctions();
  // Every function must have its Service.
  hostsOf(
    functions.map(({ path }) => path),
    await writtenServices(SERVICES),
  );
  const names = (await readdir(SERVICES)).filter((name) => name.endsWith('.yaml'));
  return Promise.all(
    names.map(async (name) => {
      const file = `knative/base/services/${name}`;
      return { file, text: withLabels(await readFile(join(SERVICES, name), 'utf8'), file, functions) };
    }),
  );
}

const KNATIVE_SERVICE = /^apiVersion: serving\.knative\.dev\/v1\nkind: Service$/m;

function withLabels(text: string, file: string, functions: readonly DeclaredFunction[]): string {
  if (!KNATIVE_SERVICE.test(text)) return text;
  const name = /^ {2}name: (.+)$/m.exec(text)?.[1];
  const listed = /^ {10}args:(?: \[(.+)\]|((?:\n {12}- .+)+))$/m.exec(text);
  const args = (listed?.[1]?.split(',') ?? listed?.[2]?.split('- ').slice(1) ?? []).map((each) => each.trim());
  if (!name || args.length === 0 || !/^ {2}labels: \{.*\}$/m.test(text)) {
    throw new Error(
      `${file}: a Service needs its name, its labels on one line, and args on one line or one to a line.`,
    );
  }
  const named = functionsNamed(
    args,
    functions.map(({ path }) => path),
  );
  const labels = labelsOf(
    name,
    functions.filter(({ path }) => named.includes(path)),
  );
  const written = Object.entries(labels).map(([key, value]) => `${key}: ${value === 'true' ? '"true"' : value}`);
  return text.replace(/^ {2}labels: \{.*\}$/m, `  labels: { ${written.join(', ')} }`);
}

/** Everything that its functions use together. Throws a sentence when they need different database roles. */
export function labelsOf(service: string, functions: readonly DeclaredFunction[]): Record<string, string> {
  const uses = functions.map(({ declaration }) => declaration.uses ?? {});
  const roles = new Set(uses.flatMap(({ database }) => (database ? [database] : [])));
  if (roles.size > 1) {
    throw new Error(`The Service ${service} hosts functions of several database roles: ${[...roles].join(', ')}.`);
  }
  const some = (use: (each: Uses) => boolean) => (uses.some(use) ? 'true' : undefined);
  const labels = {
    'app.kubernetes.io/name': service,
    'uses.one-gate/database': [...roles][0],
    'uses.one-gate/redis': some(({ redis }) => redis === true),
    'uses.one-gate/access-tokens': strongest(uses, 'accessTokens', ['sign', 'verify']),
    'uses.one-gate/receipts': strongest(uses, 'receipts', ['sign', 'publish']),
    'uses.one-gate/kafka': some(({ kafka }) => kafka === true),
    'uses.one-gate/providers': some(({ providers }) => providers === true),
  };
  return Object.fromEntries(Object.entries(labels).flatMap(([key, value]) => (value ? [[key, value]] : [])));
}

function strongest(uses: readonly Uses[], what: keyof Uses, order: readonly string[]): string | undefined {
  return order.find((each) => uses.some((use) => use[what] === each));
}
