// Findings: a row while the fault lasts, an event when it begins and when it ends; row and event together or not at
// all.

import process from 'node:process';
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import pg from 'pg';
import type { Query } from '../../shared/platform/database/database.ts';
import { runShutdown } from '../../shared/platform/shutdown.ts';
import { createTestDatabase, type TestDatabase } from '../setup/database.ts';

let database: TestDatabase;
let admin: pg.Client;
let findings: typeof import('../../shared/findings.ts');
let query: Query;
let transaction: typeof import('../../shared/platform/database/database.ts').transaction;

beforeAll(async () => {
  database = await createTestDatabase();
  // Nothing listens there: events stay in the outbox, where tests can read them.
  Object.assign(process.env, { DATABASE_URL: database.urls.money, LOG_LEVEL: 'silent', K_SINK: 'http://127.0.0.1:9/' });
  findings = await import('../../shared/findings.ts');
  ({ query, transaction } = await import('../../shared/platform/database/database.ts'));
  admin = new pg.Client({ connectionString: database.adminUrl });
  await admin.connect();
});
beforeEach(async () => {
  await admin.query('truncate findings, outbox');
});
afterAll(async () => {
  await runShutdown(() => undefined);
  await admin.end();
  await database.drop();
});

const open = async () => {
  const counted = await findings.countOpenFindings(query);
  return Object.fromEntries(Object.entries(counted).filter(([, count]) => count > 0));
};
const events = async () => {
  const { rows } = await admin.query<{ type: string; data: string; topic: string }>(
    'select type, data, topic from outbox order by id',
  );
  return rows.map(({ type, data }) => [type.replace('one-gate.finding.', ''), JSON.parse(data).subject]);
};
const stuck = (subject: string, detail = 'stuck') => ({ kind: 'topup_stuck', subject, detail }) as const;

test('a finding has one row while it is open, up to date, and a new one when it comes back', async () => {
  await Promise.all(Array.from({ length: 5 }, () => findings.reportFinding(stuck('A', 'first'))));
  await findings.reportFinding(stuck('A', 'second'));
  await findings.reportFinding({ kind: 'topup_in_suspense', subject: 'A', detail: 'another kind' });
  expect(await open()).toEqual({ topup_stuck: 1, topup_in_suspense: 1 });
  const { rows } = await admin.query("select detail from findings where kind = 'topup_stuck'");
  expect(rows).toEqual([{ detail: 'second' }]);
  expect(await events()).toEqual([
    ['opened', 'A'],
    ['opened', 'A'],
  ]);

  await admin.query('update findings set resolved_at = now()');
  expect(await open()).toEqual({});
  await findings.reportFinding(stuck('A', 'third'));
  expect(await open()).toEqual({ topup_stuck: 1 });
  expect(await events()).toHaveLength(3);
});

test('a finding that is no longer true is resolved with an event, once; other kinds stay', async () => {
  await findings.keepFindings('topup_stuck', [stuck('A'), stuck('B'), stuck('A', 'twice')]);
  await findings.reportFinding({ kind: 'ledger_balance', subject: 'A', detail: 'money' });
  await findings.keepFindings('topup_stuck', [stuck('B'), stuck('C')]);
  await findings.keepFindings('topup_stuck', [stuck('B'), stuck('C')]);
  expect(await open()).toEqual({ topup_stuck: 2, ledger_balance: 1 });
  expect((await events()).sort()).toEqual([
    ['opened', 'A'],
    ['opened', 'A'],
    ['opened', 'B'],
    ['opened', 'C'],
    ['resolved', 'A'],
  ]);
  await findings.keepFindings('topup_stuck', [], 'some');
  expect(await open()).toEqual({ topup_stuck: 2, ledger_balance: 1 });
});

test('an event holds everything of the row, under the same key for its beginning and its end', async () => {
  await findings.keepFindings('outbox_overdue', [{ kind: 'outbox_overdue', subject: 'outbox', detail: '3 wait.' }]);
  await findings.keepFindings('outbox_overdue', []);
  const { rows } = await admin.query('select * from outbox order by sequence');
  const { rows: written } = await admin.query('select * from findings');
  const [row] = written;
  expect(rows).toMatchObject([
    {
      topic: 'one-gate.findings',
      type: 'one-gate.finding.opened',
      partition_key: row.id,
      subject: row.id,
      sequence: '1',
    },
    {
      topic: 'one-gate.findings',
      type: 'one-gate.finding.resolved',
      partition_key: row.id,
      subject: row.id,
      sequence: '2',
    },
  ]);
  expect(JSON.parse(rows[1].data)).toEqual({
    finding_id: row.id,
    kind: 'outbox_overdue',
    subject: 'outbox',
    operation_id: null,
    detail: '3 wait.',
    first_seen_at: row.first_seen_at.toISOString(),
    resolved_at: row.resolved_at.toISOString(),
  });
});

test('there is neither row nor event without the other', async () => {
  const failing = transaction(async (inside) => {
    await findings.openFindings(inside, [stuck('A')]);
    throw new Error('the rest of it failed');
  });
  await expect(failing).rejects.toThrow();
  expect([await open(), await events()]).toEqual([{}, []]);
});
