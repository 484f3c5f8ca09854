import { readFileSync } from 'node:fs';
import type { RolePasswords } from '../../migrations/run.ts';

/** What the set-up of a test run gives to the test files; in a file, because they run in processes of their own. */
export type PartsOfThisRun = {
  adminUrl: string;
  templateDatabase: string;
  rolePasswords: RolePasswords;
  redis: { url: string; token: string; databaseTokens: readonly string[]; real: boolean; version: string };
  /** Undefined when there is no Kafka. */
  brokers: readonly string[] | undefined;
};

export const fileVariable = 'ONE_GATE_TEST_PARTS';

let parts: PartsOfThisRun | undefined;

export function partsOfThisRun(): PartsOfThisRun {
  const file = process.env[fileVariable];
  if (!file) throw new Error('The parts are not running: start tests with `npm test`, which sets them up.');
  parts ??= JSON.parse(readFileSync(file, 'utf8')) as PartsOfThisRun;
  return parts;
}
