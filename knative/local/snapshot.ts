// Runs an operator's proof in one snapshot of the database: of DATABASE_URL, or of the platform that runs here.

import process from 'node:process';
import pg from 'pg';
import type { Query } from '../../shared/platform/database/database.ts';
import { databaseHere } from './admin.ts';

/**
 * Runs `prove` in one read-only snapshot, and exits with the code that it returns: 0 when the proof holds, 1 when it
 * does not. Exits with 2 and a sentence when there is no database, or `what` ("the books") cannot be read.
 */
export async function proveInSnapshot(what: string, prove: (query: Query) => Promise<0 | 1>): Promise<void> {
  const url = process.env['DATABASE_URL'] ?? (await databaseHere('reader'));
  if (!url) {
    process.stderr.write(
      'No platform is running here: start it with `make up`, or say which database (DATABASE_URL).\n',
    );
    process.exitCode = 2;
    return;
  }
  const client = new pg.Client({ connectionString: url });
  try {
    await client.connect();
    // A proof may take long; the role's own limit is for pages of history.
    await client.query(
      "begin isolation level repeatable read read only; set local statement_timeout = 0; set local work_mem = '128MB'",
    );
    process.exitCode = await prove(async (statement) => (await client.query(statement)).rows as never);
    await client.query('rollback');
  } catch (error) {
    process.stderr.write(`${what} could not be read: ${(error as Error).message}\n`);
    process.exitCode = 2;
  } finally {
    await client.end().catch(() => undefined);
  }
}
