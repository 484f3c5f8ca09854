// One process at a time works on a top-up, and the database holds the code's promises about attempts.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import pg from 'pg';
import { newOperationId } from '../../../shared/ledger/rules/ids.ts';
import type { Key, Leg } from '../../../shared/ledger/rules/words.ts';
import { parseAmount } from '../../../shared/money.ts';
import { runShutdown } from '../../../shared/platform/shutdown.ts';
import type { Topup } from '../../../shared/topups/topup.ts';
import { answerOf, keep } from '../../../shared/wallet/answer.ts';
import { endLegs, openAccount, type TestAccount } from '../../setup/accounts.ts';
import { createTestDatabase, type TestDatabase } from '../../setup/database.ts';

let database: TestDatabase;
let admin: pg.Client;
let leases: typeof import('../../../shared/topups/lease.ts');
let attempts: typeof import('../../../shared/topups/attempts.ts');
let ledger: typeof import('../../../shared/ledger/posting/ledger.ts');
let topups: typeof import('../../../shared/topups/topup.ts');
let siti: TestAccount;

beforeAll(async () => {
  database = await createTestDatabase();
  Object.assign(process.env, {
    DATABASE_URL: database.urls.money,
    K_SINK: 'http://127.0.0.1:9/',
    LOG_LEVEL: 'silent',
  });
  leases = await import('../../../shared/topups/lease.ts');
  attempts = await import('../../../shared/topups/attempts.ts');
  ledger = await import('../../../shared/ledger/posting/ledger.ts');
  topups = await import('../../../shared/topups/topup.ts');
  admin = new pg.Client({ connectionString: database.adminUrl });
  await admin.connect();
  siti = await openAccount(admin);
});
afterAll(async () => {
  await runShutdown(() => undefined);
  await admin.end();
  await database.drop();
});

async function open(): Promise<{ operationId: string; key: Key; leg: Leg; topup: Topup }> {
  const operationId = newOperationId();
  const key = { accountId: siti.accountId, key: operationId, function: 'topup', request: '{}' };
  const { decided } = await ledger.post({
    key,
    operationId,
    movement: {
      name: 'open',
      type: 'TOPUP',
      to: siti.accountId,
      amount: parseAmount('1.00'),
      currency: 'IDR',
      paymentMethod: 'GOPAY',
    },
    record: () => ({ data: null }),
  });
  const topup = await topups.readTopup(operationId);
  return { operationId, key, leg: decided?.legs[0] as Leg, topup };
}

const refused = (reason: string) => keep({ outcome: 'provider_refused', reason });

/** With its first attempt at its end, so that there can be another. */
async function openWithoutAttempt() {
  const opened = await open();
  await attempts.markDead(leases.openersLease(opened.operationId), opened.topup.attempt, 'given_up');
  return opened;
}

const expire = (operationId: string) =>
  admin.query('update topups set leased_until = now() where operation_id = $1', [operationId]);

test('every pending top-up is watched from its opening on, and its opener has the lease', async () => {
  const { operationId, topup } = await open();
  expect(topup).toMatchObject({ status: 'PENDING', amount: 100n, method: 'GOPAY' });
  expect(await leases.takeLease(operationId)).toBeUndefined();
  expect(await leases.renewLease(leases.openersLease(operationId))).toBe(true);
});

test('the opener of a top-up knows the attempt that the database has written with it', async () => {
  const { leg, topup } = await open();
  expect(topups.openedTopup(leg)).toEqual(topup);
  expect(topup.attempt).toMatchObject({
    number: 1,
    state: 'REQUESTED',
    reference: expect.stringMatching(/^TOP-.*-1$/),
  });
});

test('the migration gives older top-ups their first attempt', async () => {
  const [pending, ended, asked] = [await open(), await open(), await openWithoutAttempt()];
  await admin.query('delete from topup_attempts where operation_id = any($1)', [
    [pending.operationId, ended.operationId],
  ]);
  await endLegs(admin, ended.operationId, 'FAILED');
  const migration = join(import.meta.dirname, '../../../migrations/0022_first_attempts.sql');
  await admin.query(readFileSync(migration, 'utf8'));
  expect(await topups.readTopup(pending.operationId)).toEqual(pending.topup);
  expect((await topups.readTopup(ended.operationId)).attempt).toEqual({
    ...ended.topup.attempt,
    state: 'DEAD',
    endedAs: 'not_found',
  });
  expect((await topups.readTopup(asked.operationId)).attempt).toMatchObject({ number: 1, endedAs: 'given_up' });
});

test('of many processes that want an expired lease, one gets it', async () => {
  const { operationId } = await open();
  await expire(operationId);
  const taken = await Promise.all(Array.from({ length: 10 }, () => leases.takeLease(operationId)));
  expect(taken.filter(Boolean)).toEqual([{ operationId, number: 2 }]);
});

test('a slow predecessor can neither begin an attempt nor answer nor release the lease', async () => {
  const { operationId, key, topup } = await openWithoutAttempt();
  const slow = leases.openersLease(operationId);
  await expire(operationId);
  const successor = await leases.takeLease(operationId);
  if (!successor) throw new Error('there is no lease');
  expect(await leases.renewLease(slow)).toBe(false);
  expect(await attempts.addAttempt(slow, topup)).toBeUndefined();
  expect(await attempts.answerRequest(slow, key, refused('I was slow'))).toBe(false);
  await leases.releaseLease(slow);
  expect(await leases.takeLease(operationId)).toBeUndefined();
  expect(await attempts.answerRequest(successor, key, refused('I was faster'))).toBe(true);
  expect(await leases.waitForTurn(key, operationId)).toEqual({ answer: answerOf({ data: refused('I was faster') }) });
  // Given back with the answer.
  expect(await leases.takeLease(operationId)).toMatchObject({ operationId });
});

test('a predecessor that was only slow cannot end an attempt, which its successor may be sending again', async () => {
  const { operationId, topup } = await open();
  await expire(operationId);
  const successor = await leases.takeLease(operationId);
  if (!successor) throw new Error('there is no lease');
  await attempts.markDead(leases.openersLease(operationId), topup.attempt, 'refused');
  expect((await topups.readTopup(operationId)).attempt).toEqual(topup.attempt);
  await attempts.markDead(successor, topup.attempt, 'given_up');
  expect((await topups.readTopup(operationId)).attempt).toMatchObject({ state: 'DEAD', endedAs: 'given_up' });
});

test('an attempt is the latest until there is another', async () => {
  const { operationId, topup } = await openWithoutAttempt();
  const { reference } = topup.attempt;
  expect((await topups.readTopup(operationId, reference)).attempt.isLatest).toBe(true);
  await attempts.addAttempt(leases.openersLease(operationId), topup);
  expect((await topups.readTopup(operationId, reference)).attempt).toMatchObject({ number: 1, isLatest: false });
  expect((await topups.readTopup(operationId)).attempt).toMatchObject({ number: 2, isLatest: true });
});

test('an attempt that begins while another process takes the lease over finds it lost', async () => {
  const { operationId, topup } = await openWithoutAttempt();
  const successor = new pg.Client({ connectionString: database.adminUrl });
  await successor.connect();
  await successor.query('begin');
  await successor.query('update topups set lease = lease + 1 where operation_id = $1', [operationId]);
  const attempt = attempts.addAttempt(leases.openersLease(operationId), topup);
  await untilSomebodyWaits();
  await successor.query('commit');
  await successor.end();
  expect(await attempt).toBeUndefined();
});

test('no attempt begins when the owner wants it cancelled, or when it has ended', async () => {
  const [wanted, ended] = [await openWithoutAttempt(), await openWithoutAttempt()];
  await admin.query('update topups set cancel_requested_at = now() where operation_id = $1', [wanted.operationId]);
  await endLegs(admin, ended.operationId, 'FAILED');
  for (const { operationId, topup } of [wanted, ended]) {
    expect(await attempts.addAttempt(leases.openersLease(operationId), topup)).toBeUndefined();
  }
});

describe('the database refuses', () => {
  test('a second living attempt', async () => {
    const { operationId, topup } = await open();
    const lease = leases.openersLease(operationId);
    await expect(attempts.addAttempt(lease, topup)).rejects.toThrow('one_living_attempt_per_topup');
    await attempts.markDead(lease, topup.attempt, 'given_up');
    expect(await attempts.addAttempt(lease, topup)).toMatchObject({
      number: 2,
      reference: expect.stringMatching(/^TOP-.*-2$/),
    });
  });

  test.each([
    ['money', 'delete from topup_attempts'],
    ['money', 'delete from provider_notifications'],
    ['money', "update provider_notifications set body = ''"],
    ['money', 'delete from findings'],
    ['reader', 'update topups set look_at = null'],
    ['identity', 'select 1 from topups'],
  ] as const)('the %s role: %s', async (role, statement) => {
    const client = new pg.Client({ connectionString: database.urls[role] });
    await client.connect();
    await expect(client.query(statement)).rejects.toThrow(/permission denied|read-only/);
    await client.end();
  });
});

async function untilSomebodyWaits(): Promise<void> {
  for (;;) {
    const { rows } = await admin.query(
      "select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
    );
    if (rows.length > 0) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
