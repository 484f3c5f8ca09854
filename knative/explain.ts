// `make explain FUNCTION=pay`: what the manifest of its Service means, in plain sentences; without FUNCTION one line for every Service.
//   node knative/explain.ts [function or Service] [--overlay knative/overlays/production] [--write]      --write: the table in README.md

import { access } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { parse } from 'yaml';
import { kongFiles } from '../kong/render.ts';
import { CONNECTION_BUDGET, connectionsOf, type Meaning, meaningsOf } from './explain/meaning.ts';
import { COLUMNS, explain, row } from './explain/sentences.ts';
import { hostOfFunction, ROOT } from './functions.ts';
import { readManifests } from './local/manifests.ts';
import { table, textTable, writeBetween } from './local/table.ts';

const BASE = join(import.meta.dirname, 'base');
export const README = join(import.meta.dirname, 'README.md');

/** The meaning of every Service of a kustomization, by name. */
export async function readMeanings(folder = BASE): Promise<Meaning[]> {
  const [manifests, gateway] = await Promise.all([readManifests(folder, 'passed over'), gatewayTimeouts()]);
  return meaningsOf(manifests, gateway).sort((one, other) => (one.name < other.name ? -1 : 1));
}

async function gatewayTimeouts(): Promise<Map<string, number>> {
  const { routes } = await kongFiles();
  const { services }: { services: { name: string; read_timeout: number }[] } = parse(routes);
  return new Map(services.map(({ name, read_timeout: timeout }) => [name, timeout]));
}

/** The generated part of README.md. */
export function tableOfAll(meanings: readonly Meaning[]): string {
  return [...table(COLUMNS, meanings.map(row)), '', inAll(meanings)].join('\n');
}

function inAll(meanings: readonly Meaning[]): string {
  return `All instances of all Services together: ${connectionsOf(meanings)} connections of ${CONNECTION_BUDGET}.`;
}

async function kustomization(folder: string): Promise<string> {
  await access(join(folder, 'kustomization.yaml')).catch(() => {
    throw new Error(`There is no kustomization.yaml in ${folder}.`);
  });
  return folder;
}

/** Finds the Service of that name, or the one that hosts the function of that name. */
async function meaningOf(wanted: string, meanings: readonly Meaning[], folder: string): Promise<Meaning> {
  const named = (name: string) => meanings.find((meaning) => meaning.name === name);
  const direct = named(wanted);
  if (direct) return direct;
  const { services } = await readManifests(folder, 'passed over');
  const host = await hostOfFunction(wanted, services).catch(() => undefined);
  const meaning = host && named(host.name);
  if (meaning) return meaning;
  throw new Error(
    `There is no function and no Service ${wanted}. There are: ${meanings.map(({ name }) => name).join(', ')}.`,
  );
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    options: { overlay: { type: 'string' }, write: { type: 'boolean', default: false } },
    allowPositionals: true,
  });
  const folder = values.overlay ? await kustomization(resolve(values.overlay)) : BASE;
  const meanings = await readMeanings(folder);
  const [wanted] = positionals;
  if (values.write) {
    if (values.overlay) throw new Error('The table of README.md is that of knative/base: --write takes no --overlay.');
    await writeBetween(README, 'functions', tableOfAll(meanings));
  } else if (!wanted) {
    process.stdout.write(`${textTable([[...COLUMNS], ...meanings.map(row)])}\n\n${inAll(meanings)}\n`);
  } else {
    const meaning = await meaningOf(wanted, meanings, folder);
    const circumstances = { folder: relative(ROOT, folder), connections: connectionsOf(meanings) };
    process.stdout.write(`${explain(meaning, circumstances)}\n`);
  }
}

if (import.meta.main) {
  await main().catch((error: Error) => {
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  });
}
