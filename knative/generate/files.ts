// The files that follow from the code and are committed so that a review sees them. Add a line here to generate another
// one.

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
  /** Starts a PostgreSQL of its own, so --check leaves it to test/knative/generate.test.ts, which has one already. */
  needsPostgres?: true;
}

/** The other files follow from these: knative/base cannot be rendered when they are stale. */
export const FILES_OF_BASE: readonly GeneratedFile[] = [
  { file: 'knative/base/kustomization.yaml', render: kustomizationOfBase },
  { file: 'knative/base/sources.yaml', render: declaredSources },
  { file: 'knative/base/providers.yaml', render: providerEvents },
];

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
  { file: 'kong/routes.yaml', render: routesOfGateway },
  {
    file: TUNING,
    render: async () => withBetween((await presentText(TUNING)) ?? '', 'functions', await tableOfProduction(), TUNING),
  },
  { file: GRANTS, render: grantsOfMigrations, needsPostgres: true },
];

/** Every file, including the manifests that are generated in part. */
export async function generatedFiles(): Promise<GeneratedFile[]> {
  const manifests = (await manifestsWithUses()).map(({ file, text }) => ({ file, render: async () => text }));
  return [...FILES_OF_BASE, ...FILES, ...manifests];
}

export interface StaleFile {
  file: string;
  /** The text that it must hold. */
  text: string;
}

export async function staleFiles(files: readonly GeneratedFile[]): Promise<StaleFile[]> {
  const rendered = await Promise.all(
    files.map(async ({ file, render }) => ({ file, text: await render(), present: await presentText(file) })),
  );
  return rendered.filter(({ text, present }) => text !== present).map(({ file, text }) => ({ file, text }));
}

/** Undefined when the file does not exist. */
export function presentText(file: string): Promise<string | undefined> {
  return readFile(join(ROOT, file), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
    return undefined;
  });
}
