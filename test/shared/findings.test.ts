import process from 'node:process';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import pg from 'pg';
import { runShutdown } from '../../shared/shutdown.ts';
import { createTestDatabase, type TestDatabase } from '../setup/database.ts';

let database: TestDatabase;
let admin: pg.Client;
let findings: typeof import('../../shared/findings.ts');

beforeAll(async () => {
  database = await createTestDatabase();
  Object.assign(process.env, { DATABASE_URL: database.urls.money, LOG_LEVEL: 'silent' });
  findings = await import('../../shared/findings.ts');
  admin = new pg.Client({ connectionString: database.adminUrl });
  await admin.connect();
});
afterAll(async () => {
  await runShutdown(() => undefined);
  await admin.end();
  await database.drop();
});

test('a finding is there once while it is open, up to date, and again when it comes back', async () => {
  const stuck = (detail: string) => findings.reportFinding({ kind: 'topup_stuck', subject: 'A', detail });
  await Promise.all(Array.from({ length: 5 }, () => stuck('first')));
  await stuck('second');
  await findings.reportFinding({ kind: 'topup_in_suspense', subject: 'A', detail: 'another kind' });
  expect(await findings.openFindings()).toEqual({ topup_stuck: 1, topup_in_suspense: 1 });
  const { rows } = await admin.query("select detail from findings where kind = 'topup_stuck'");
  expect(rows).toEqual([{ detail: 'second' }]);

  await admin.query('update findings set resolved_at = now()');
  expect(await findings.openFindings()).toEqual({});
  await stuck('third');
  expect(await findings.openFindings()).toEqual({ topup_stuck: 1 });
});
