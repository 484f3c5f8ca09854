// The books are proven beside payments, by a role that cannot move money; a contradiction is a finding and an event.

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Dice, diceOf } from '../../faults/random.ts';
import { brokenPromises, openAccount, type TestAccount } from '../../setup/accounts.ts';
import { queryOnce } from '../../setup/database.ts';
import { capture, giveUp, hold, pay, refund } from '../../setup/movements.ts';
import { pastTheDatabase } from '../../setup/past-the-database.ts';
import { type ScheduledProcess, startScheduled } from './scheduled-process.ts';
import { eventually, serveTopups, type TopupService } from './topup-service.ts';

/** Decides who pays whom. */
const SEED = 20_261_129;

let service: TopupService;
let books: ScheduledProcess;

beforeAll(async () => {
  service = await serveTopups();
  books = await startScheduled('prove-books', service.database);
});
afterAll(async () => {
  expect(await brokenPromises(service.admin)).toEqual([]);
  await books.stop();
  await service.close();
});

const openKinds = async () =>
  (await service.rows('select kind, subject from findings where resolved_at is null order by kind')).filter(
    ({ kind }) => kind.startsWith('ledger_'),
  );

test('the books are proven while payments go on, without a false alarm', async () => {
  const people: TestAccount[] = [];
  for (let count = 0; count < 6; count++) {
    people.push(await openAccount(service.admin, { type: 'merchant', balance: '100000.00' }));
  }
  let going = true;
  let moved = 0;
  const moveSomething = async (dice: Dice) => {
    const from = dice.oneOf(people);
    const to = dice.oneOf(people.filter((each) => each !== from));
    const kind = dice.between(0, 99);
    if (kind < 50) await pay(from, to, '1.00');
    else {
      const { operationId } = await hold(from, to, '2.00');
      if (kind < 70) await giveUp(operationId, from, to);
      else if (kind < 90) await capture(operationId, from, to, '1.50');
      if (kind >= 80 && kind < 90) await refund(operationId, to, from, '0.50');
    }
    moved++;
  };
  const client = async (number: number) => {
    const dice = diceOf(SEED, number);
    // A payment that a busy ledger sends away has moved nothing, or has: either way the books must agree.
    while (going) await moveSomething(dice).catch(() => undefined);
  };
  const clients = Array.from({ length: 20 }, (_, number) => client(number));
  const completed = async () =>
    (await service.rows('select coalesce(completed_at::text, $1) as at from trial_balance', ['never']))[0].at;
  const rounds = new Set<string>();
  while (rounds.size < 12) {
    await books.tick();
    rounds.add(await completed());
  }
  going = false;
  await Promise.all(clients);
  expect(moved).toBeGreaterThan(50);
  expect(await openKinds()).toEqual([]);
  // And the checkpoints that were made meanwhile are right.
  expect(await books.tick()).toBe(204);
  expect(await openKinds()).toEqual([]);
});

test('a contradiction is a finding and an event, and stays open when the books agree again', async () => {
  const { accountId } = await openAccount(service.admin, { balance: '10.00' });
  await books.tick();
  service.events.length = 0;
  await pastTheDatabase(service.admin, 'update accounts set balance = balance + 5 where id = $1', [accountId]);
  expect(await books.tick()).toBe(204);
  const findings = [
    { kind: 'ledger_balance', subject: accountId },
    { kind: 'ledger_total', subject: 'IDR' },
  ];
  expect(await openKinds()).toEqual(findings);
  await eventually(async () => service.events.length >= 2);
  expect(service.events.map(({ type, data }) => [type, data.kind]).sort()).toEqual([
    ['one-gate.finding.opened', 'ledger_balance'],
    ['one-gate.finding.opened', 'ledger_total'],
  ]);
  await pastTheDatabase(service.admin, 'update accounts set balance = balance - 5 where id = $1', [accountId]);
  await books.tick();
  expect(await openKinds()).toEqual(findings);
  // An operator resolves it.
  await service.rows('update findings set resolved_at = now() where resolved_at is null');
  await books.tick();
  expect(await openKinds()).toEqual([]);
});

test('runs at the same time do not disturb each other', async () => {
  expect(await Promise.all([books.tick(), books.tick(), books.tick()])).toEqual([204, 204, 204]);
  expect(await openKinds()).toEqual([]);
});

describe('the role of the database', () => {
  test.each([
    ['move money', 'update accounts set balance = balance + 1'],
    ['write history', 'insert into historical_transactions (id) values (uuidv7())'],
    ['rewrite history', "update historical_transactions set transaction_status = 'SUCCESS'"],
    ['release a hold', 'update holds set ended_at = now()'],
    ['remove findings', 'delete from findings'],
    ['remove checkpoints', 'delete from ledger_checkpoints'],
    ['answer a request', 'update idempotency_keys set status = 200'],
    ['read people', 'select 1 from users'],
    ['make a table', 'create table mine ()'],
  ])('cannot %s', async (_what, sql) => {
    await expect(queryOnce(service.database.urls.auditor, sql)).rejects.toMatchObject({ code: '42501' });
  });
});
