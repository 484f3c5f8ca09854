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

/** Labels are generated, so their line may be long. */
const WIDTH = 180;
const METADATA = /^metadata:\s+(?:\{ )?name: ([\w-]+),?\s+labels: \{[^}]*\}(?: \})?$/m;
const KNATIVE_SERVICE = /^apiVersion: serving\.knative\.dev\/v1\nkind: Service$/m;

function withLabels(text: string, file: string, functions: readonly DeclaredFunction[]): string {
  if (!KNATIVE_SERVICE.test(text)) return text;
  const name = METADATA.exec(text)?.[1];
  const args = /^ {10}args: \[([^\]]+)\]$/m
    .exec(text)?.[1]
    ?.split(',')
    .map((each) => each.trim());
  if (!name || !args) {
    throw new Error(
      `${file}: a Service needs metadata with its name and then its labels in braces, and args in brackets.`,
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
  return text.replace(METADATA, metadataOf(name, written));
}

/** In one line, as far as it is no longer than the lines of manifests may be. */
function metadataOf(name: string, labels: readonly string[]): string {
  const written = labels.length === 0 ? 'labels: {}' : `labels: { ${labels.join(', ')} }`;
  const line = `metadata: { name: ${name}, ${written} }`;
  return line.length <= WIDTH ? line : `metadata:\n  name: ${name}\n${withinWidth(`  ${written}`)}`;
}

function withinWidth(line: string): string {
  if (line.length <= WIDTH) return line;
  const end = line.lastIndexOf(', ', WIDTH);
  return `${line.slice(0, end + 1)}\n    ${line.slice(end + 2)}`;
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
