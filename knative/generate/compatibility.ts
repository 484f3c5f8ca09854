// Compares the API with that of a commit, and checks that the record holds a reason for each change that breaks
// callers.

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { ROOT } from '../functions.ts';
import { type Api, breakingChanges } from './breaking-changes.ts';
import { fieldsOf, readFields } from './fields.ts';
import { FIELDS, OPERATIONS, presentText } from './files.ts';
import { apiDocument, everyFunction } from './openapi.ts';
import { operationsOf, readOperations } from './operations.ts';
import { readRecord, recordChanges, recordTable } from './record.ts';

export const RECORD = 'functions/documentation/breaking-changes.md';

export interface Compatibility {
  /** Changes that break callers and have no reason yet. */
  withoutReason: string[];
  /** The lines that the record must hold. */
  record: string;
}

/** Compares nothing without a repository, or with a commit that has no tables. Throws when `commit` does not exist. */
export async function compareWith(commit: string, reason: string, day: string): Promise<Compatibility> {
  const present = readRecord((await presentText(RECORD)) ?? recordTable([]));
  const operations = await textAt(commit, OPERATIONS);
  const fields = await textAt(commit, FIELDS);
  if (operations === undefined || fields === undefined) return { withoutReason: [], record: recordTable(present) };
  const before: Api = { operations: readOperations(operations), fields: readFields(fields) };
  const document = await apiDocument();
  const after: Api = { operations: operationsOf(document, await everyFunction()), fields: fieldsOf(document) };
  const committed = readRecord((await textAt(commit, RECORD)) ?? recordTable([]));
  const { record, withoutReason } = recordChanges(breakingChanges(before, after), committed, present, reason, day);
  return { withoutReason, record: recordTable(record) };
}

async function textAt(commit: string, file: string): Promise<string | undefined> {
  const git = (...args: string[]) => promisify(execFile)('git', args, { cwd: ROOT, maxBuffer: 2 ** 26 });
  const inRepository = await git('rev-parse', '--git-dir').catch(() => undefined);
  if (!inRepository) return undefined;
  await git('rev-parse', '--verify', '--quiet', `${commit}^{commit}`).catch(() => {
    throw new Error(`${commit} is no commit of this repository.`);
  });
  return git('show', `${commit}:./${file}`).then(
    ({ stdout }) => stdout,
    () => undefined,
  );
}
