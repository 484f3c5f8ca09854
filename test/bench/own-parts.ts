// PostgreSQL and Redis of a measurement's own, with a migrated database, gone when it ends.

import process from 'node:process';
import pg from 'pg';
import { databaseUrl } from '../../knative/local/parts/postgres.ts';
import { type Parts, startParts } from '../../knative/local/parts/start-parts.ts';
import { migrate } from '../../migrations/run.ts';
import { temporaryDirectory } from '../setup/temporary-directory.ts';

/** `admin` is the superuser's connection to the database. */
export async function onOwnParts<Result>(
  database: string,
  measure: (parts: Parts, admin: pg.Client) => Promise<Result>,
): Promise<Result> {
  const directory = await temporaryDirectory();
  const parts = await startParts({
    dataDirectory: directory.path,
    environment: { PATH: process.env['PATH'] },
    withoutKafka: true,
  });
  directory.usedBy([parts.postgres.pid, parts.redis.pid]);
  try {
    const { adminUrl } = parts.postgres;
    await migrate({ adminUrl, database, passwords: parts.rolePasswords });
    const admin = new pg.Client({ connectionString: databaseUrl(adminUrl, database) });
    await admin.connect();
    try {
      return await measure(parts, admin);
    } finally {
      await admin.end();
    }
  } finally {
    await parts.stop();
    await directory.remove();
  }
}
