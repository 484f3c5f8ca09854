// `make audit` as an operator runs it: a command, the reader's address, a table, an exit code.

import { spawn } from 'node:child_process';
import process from 'node:process';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { openAccount } from '../setup/accounts.ts';
import { connectTestDatabase } from '../setup/database.ts';
import { pastTheDatabase } from '../setup/past-the-database.ts';

let database: Awaited<ReturnType<typeof connectTestDatabase>>;
beforeAll(async () => {
  database = await connectTestDatabase();
});
afterAll(() => database.drop());

async function audit(environment: Record<string, string>): Promise<{ code: number | null; out: string; err: string }> {
  const child = spawn(process.execPath, ['knative/audit.ts'], {
    env: { PATH: process.env['PATH'] ?? '', ...environment },
  });
  let out = '';
  let err = '';
  child.stdout.setEncoding('utf8').on('data', (text) => (out += text));
  child.stderr.setEncoding('utf8').on('data', (text) => (err += text));
  const code = await new Promise<number | null>((resolve) => child.once('exit', resolve));
  return { code, out, err };
}

test('right books exit with 0, and the report lists what else is open', async () => {
  const { userId } = await openAccount(database.admin, { balance: '100.00' });
  await database.admin.query(
    "insert into freezes (scope, subject, reason, frozen_by) values ('FUNCTION', 'pay', 'a test', $1)",
    [userId],
  );
  await database.admin.query("insert into findings (kind, subject, detail) values ('topup_in_suspense', 'A', 'x')");
  const { code, out, err } = await audit({ DATABASE_URL: database.urls.reader });
  expect({ code, err }).toEqual({ code: 0, err: '' });
  expect(out).toMatch(/^4 accounts, 2 legs, 1 operations, one snapshot/);
  expect(out.match(/ holds +0$/gm)).toHaveLength(11);
  expect(out).toContain('The books are right.');
  expect(out).toMatch(/open findings: topup_in_suspense +1/);
  expect(out).toMatch(/frozen since .*: FUNCTION pay +1/);
});

test('broken books exit with 1, and the report says where', async () => {
  const { accountId } = await openAccount(database.admin, { balance: '100.00' });
  await pastTheDatabase(database.admin, 'update accounts set balance = balance + 1 where id = $1', [accountId]);
  const { code, out } = await audit({ DATABASE_URL: database.urls.reader });
  expect(code).toBe(1);
  expect(out).toMatch(/the balances of each currency sum to zero +BROKEN +1/);
  expect(out).toContain(`ledger_balance: Account ${accountId} has 101.00, and its legs leave it at 100.00.`);
  expect(out).toContain('The books contradict themselves: 2 violations.');
  await pastTheDatabase(database.admin, 'update accounts set balance = balance - 1 where id = $1', [accountId]);
});

test('without a database, or with one that does not answer, there is no verdict', async () => {
  const away = await audit({ DATABASE_URL: 'postgres://nobody:secret@127.0.0.1:9/none' });
  expect([away.code, away.out]).toEqual([2, '']);
  expect(away.err).not.toContain('secret');
  const none = await audit({ DATA_DIRECTORY: '/nonexistent' });
  expect([none.code, none.err]).toEqual([2, expect.stringContaining('make up')]);
});
