// The files that follow from the code and are committed so that a review sees them. Add a line here to generate a further one.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { tableOfProduction } from '../explain/overview.ts';
import { ROOT } from '../functions.ts';
import { withBetween } from '../local/table.ts';
import { fieldsOf, fieldsTable } from './fields.ts';
import { grantsOfMigrations } from './grants.ts';
import { apiDocument, everyFunction } from './openapi.ts';
import { operationsOf, operationsTable } from './operations.ts';
import { providerEvents, providerSecrets, providersOfFunctions } from './providers.ts';
import { routesOfGateway } from './routes.ts';
import { declaredSources, kustomizationOfBase } from './sources.ts';
import { manifestsWithUses } from './uses.ts';

export interface GeneratedFile {
  file: string;
  render(): Promise<string>;
  /** It starts a PostgreSQL of its own: --check leaves it to test/knative/generate.test.ts, which has one already. */
  needsPostgres?: true;
  /** It follows from files that are generated themselves: it is written after them, in the order of the list. */
  readsManifests?: true;
}

export const OPERATIONS = 'functions/documentation/operations.md';
export const FIELDS = 'functions/documentation/fields.md';
export const GRANTS = 'migrations/grants.md';
export const TUNING = 'knative/tuning.md';

const FILES: readonly GeneratedFile[] = [
  {
    file: OPERATIONS,
    render: async () => operationsTable(operationsOf(await apiDocument(), await everyFunction())),
  },
  { file: FIELDS, render: async () => fieldsTable(fieldsOf(await apiDocument())) },
  { file: 'knative/function/providers.yaml', render: async () => providersOfFunctions() },
  { file: 'knative/data/provider-secrets.yaml', render: async () => providerSecrets() },
  { file: 'knative/base/kustomization.yaml', render: kustomizationOfBase },
  { file: 'knative/base/sources.yaml', render: declaredSources },
  { file: 'knative/base/providers.yaml', render: providerEvents },
  { file: 'kong/routes.yaml', render: routesOfGateway, readsManifests: true },
  {
    file: TUNING,
    readsManifests: true,
    render: async () => withBetween((await presentText(TUNING)) ?? '', 'functions', await tableOfProduction(), TUNING),
  },
  { file: GRANTS, render: grantsOfMigrations, needsPostgres: true },
];

/** Every file, the manifests that are written in part among them. */
export async function generatedFiles(): Promise<GeneratedFile[]> {
  const manifests = (await manifestsWithUses()).map(({ file, text }) => ({ file, render: async () => text }));
  return [...FILES, ...manifests];
}

export interface StaleFile {
  file: string;
  /** What it must hold. */
  text: string;
}

export async function staleFiles(files: readonly GeneratedFile[]): Promise<StaleFile[]> {
  const rendered = await Promise.all(
    files.map(async ({ file, render }) => ({ file, text: await render(), present: await presentText(file) })),
  );
  return rendered.filter(({ text, present }) => text !== present).map(({ file, text }) => ({ file, text }));
}

/** Undefined where there is no such file. */
export function presentText(file: string): Promise<string | undefined> {
  return readFile(join(ROOT, file), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
    return undefined;
  });
}
