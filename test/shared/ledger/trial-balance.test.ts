// The proof of the books: silent about an honest ledger, and exact about each promise that is broken on purpose.

import process from 'node:process';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import pg from 'pg';
import type { Query } from '../../../shared/platform/database/database.ts';
import { runShutdown } from '../../../shared/platform/shutdown.ts';
import { openAccount, type TestAccount } from '../../setup/accounts.ts';
import { createTestDatabase, type TestDatabase } from '../../setup/database.ts';
import { pastTheDatabase } from '../../setup/past-the-database.ts';

type Movements = typeof import('../../setup/movements.ts');
type Books = typeof import('../../../shared/ledger/proof/trial-balance.ts');

let database: TestDatabase;
let admin: pg.Client;
let movements: Movements;
let books: Books;

beforeAll(async () => {
  database = await createTestDatabase();
  admin = new pg.Client({ connectionString: database.adminUrl });
  await admin.connect();
  Object.assign(process.env, {
    DATABASE_URL: database.urls.money,
    K_SINK: 'http://127.0.0.1:9/',
    LOG_LEVEL: 'silent',
  });
  movements = await import('../../setup/movements.ts');
  books = await import('../../../shared/ledger/proof/trial-balance.ts');
});

afterAll(async () => {
  await runShutdown(() => undefined);
  await admin.end();
  await database.drop();
});

const queryOf =
  (client: pg.Client): Query =>
  async (statement) =>
    (await client.query(statement)).rows as never;

const kinds = (broken: readonly { kind: string }[]) => [...new Set(broken.map(({ kind }) => kind))].sort();

interface Scene {
  ada: TestAccount;
  shop: TestAccount;
  paid: string;
  held: string;
  captured: string;
  refunded: string;
  topup: string;
}

/** Movements of every kind, PENDING and ended. */
async function play(): Promise<Scene> {
  const ada = await openAccount(admin, { balance: '1000.00' });
  const shop = await openAccount(admin, { type: 'merchant' });
  const { pay, hold, capture, giveUp, refund, openTopup, settle } = movements;
  const topup = await openTopup(ada, '50.00');
  const { operationId: settled } = await openTopup(ada, '70.00');
  const { operationId: failed } = await openTopup(ada, '80.00');
  const { operationId: odd } = await openTopup(ada, '90.00');
  const paid = await pay(ada, shop, '100.00');
  const held = await hold(ada, shop, '30.00');
  const captured = await hold(ada, shop, '40.00');
  const voided = await hold(ada, shop, '20.00');
  const outcomes = [
    await settle(settled, ada, 'SUCCESS', '70.00'),
    await settle(failed, ada, 'FAILED'),
    await settle(failed, ada, 'SUCCESS', '80.00'),
    await settle(odd, ada, 'SUCCESS', '91.00'),
    await capture(captured.operationId, ada, shop, '25.00'),
    await giveUp(voided.operationId, ada, shop),
    await refund(paid.operationId, shop, ada, '10.00'),
    await refund(paid.operationId, shop, ada, '15.00'),
    await pay(ada, shop, '1.00'),
  ];
  expect(outcomes.map(({ outcome }) => outcome)).toEqual([
    ...['posted', 'posted', 'posted', 'posted_to_suspense', 'posted', 'posted', 'posted', 'posted', 'posted'],
  ]);
  return {
    ada,
    shop,
    paid: paid.operationId,
    held: held.operationId,
    captured: captured.operationId,
    refunded: outcomes[7]?.operationId ?? '',
    topup: topup.operationId,
  };
}

test('says nothing about an honest ledger, from the first leg and from checkpoints', async () => {
  await play();
  const first = await books.continueTrialBalance(10_000);
  expect(first).toMatchObject({ broken: [], isRoundComplete: true });
  expect(first.legs).toBeGreaterThan(20);
  await play();
  const second = await books.continueTrialBalance(10_000);
  expect(second).toMatchObject({ broken: [], isRoundComplete: true });
  const third = await books.continueTrialBalance(10_000);
  expect(third).toMatchObject({ broken: [], legs: 0, accounts: second.accounts });
  const proof = await books.proveEverything(queryOf(admin));
  expect(proof).toMatchObject({ broken: [], accounts: third.accounts, legs: first.legs + second.legs });
});

test('reads no further than it must, and keeps its place after a run that had no time', async () => {
  const people = [];
  for (let count = 0; count < 30; count++) people.push(await openAccount(admin, { balance: '10.00' }));
  await admin.query('update trial_balance set position = $1', [people[9]?.accountId]);
  const { accounts, isRoundComplete } = await books.continueTrialBalance(10_000);
  expect({ accounts, isRoundComplete }).toEqual({ accounts: 20, isRoundComplete: true });
  const { accounts: none } = await books.continueTrialBalance(0);
  expect(none).toBe(0);
});

test('an account with more new legs than a page may have is read in several, and all of it', async () => {
  const [ada, shop] = [await openAccount(admin, { balance: '1.00' }), await openAccount(admin, { type: 'merchant' })];
  await books.continueTrialBalance(10_000);
  await passBackAndForth(ada, shop, 12_000);
  const honest = await books.continueTrialBalance(30_000);
  expect(honest).toMatchObject({ broken: [], legs: 24_000, isRoundComplete: true });

  await passBackAndForth(ada, shop, 12_000);
  await pastTheDatabase(
    admin,
    'update historical_transactions set balance_before = balance_before + 7, balance_after = balance_after + 7 where account_id = $1 and leg_number = 23500',
    [ada.accountId],
  );
  const { broken } = await books.continueTrialBalance(30_000);
  expect(broken.map(({ kind, subject }) => ({ kind, subject }))).toEqual([
    { kind: 'ledger_chain', subject: `${ada.accountId}/23500` },
    { kind: 'ledger_chain', subject: `${ada.accountId}/23501` },
  ]);
  await pastTheDatabase(
    admin,
    'update historical_transactions set balance_before = balance_before - 7, balance_after = balance_after - 7 where account_id = $1 and leg_number = 23500',
    [ada.accountId],
  );
});

/** Moves the same 1.00 an even number of times, written as the ledger would have: posting it would take minutes. */
async function passBackAndForth(from: TestAccount, to: TestAccount, times: number): Promise<void> {
  await pastTheDatabase(
    admin,
    `with moves as materialized (
       select n, (left(uuidv7()::text, 35) || '0')::uuid as operation_id from generate_series(1, $3::int) n
     ), legs as (
       select operation_id, place, account.id as account_id, account.version + n as leg_number,
              case when (n % 2 = 1) = (account.id = $1) then 'DEBIT' else 'CREDIT' end::direction_enum as direction
         from moves cross join (values (1, $1::uuid), (2, $2::uuid)) side (place, id) join accounts account on account.id = side.id
     ), written as (
       insert into historical_transactions (id, operation_id, account_id, leg_number, transaction_type, transaction_status, direction, amount,
              balance_before, balance_after)
       select (left(operation_id::text, 35) || place)::uuid, operation_id, account_id, leg_number, 'TRANSFER', 'SUCCESS', direction, 1,
              case direction when 'DEBIT' then 1 else 0 end, case direction when 'DEBIT' then 0 else 1 end
         from legs
     )
     update accounts set version = version + $3, incoming = incoming + case kind when 'PERSON' then $3 / 2 else 0 end where id in ($1, $2)`,
    [from.accountId, to.accountId, times],
  );
}

describe('each promise, broken past the database', () => {
  let scene: Scene;
  beforeEach(async () => {
    scene = await play();
  });

  /** Breaks, looks, and undoes it. */
  async function foundAfter(breaking: string, values: unknown[]): Promise<{ kind: string; subject: string }[]> {
    await admin.query('begin');
    try {
      await admin.query('set local session_replication_role = replica');
      const { rowCount } = await admin.query(breaking, values);
      expect(rowCount).toBeGreaterThan(0);
      const { broken } = await books.proveEverything(queryOf(admin));
      return broken.map(({ kind, subject }) => ({ kind, subject }));
    } finally {
      await admin.query('rollback');
    }
  }

  test('balances that do not sum to zero, in their currency', async () => {
    const found = await foundAfter(
      "insert into accounts (kind, name, balance, currency) values ('SYSTEM', 'x', 5, 'USD')",
      [],
    );
    expect(found).toMatchObject([{ kind: 'ledger_total', subject: 'USD' }, { kind: 'ledger_balance' }]);
  });

  test.each([
    ['made', '+'],
    ['lost', '-'],
  ])('a balance from which money was %s', async (_what, sign) => {
    const found = await foundAfter(`update accounts set balance = balance ${sign} 1 where id = $1`, [
      scene.ada.accountId,
    ]);
    expect(found).toEqual([
      { kind: 'ledger_total', subject: 'IDR' },
      { kind: 'ledger_balance', subject: scene.ada.accountId },
    ]);
  });

  test('two balances that are wrong by the same amount', async () => {
    const found = await foundAfter(
      'update accounts set balance = balance + case id when $1::uuid then 1 else -1 end where id in ($1, $2)',
      [scene.ada.accountId, scene.shop.accountId],
    );
    expect(found).toEqual(
      [scene.ada, scene.shop].map(({ accountId }) => ({ kind: 'ledger_balance', subject: accountId })),
    );
  });

  test('a leg that was deleted', async () => {
    const found = await foundAfter('delete from historical_transactions where operation_id = $1 and account_id = $2', [
      scene.paid,
      scene.ada.accountId,
    ]);
    expect(kinds(found)).toEqual(['ledger_chain', 'ledger_operation']);
    expect(found).toContainEqual({ kind: 'ledger_operation', subject: scene.paid });
  });

  test('a leg whose amount was changed, with its balances', async () => {
    const found = await foundAfter(
      'update historical_transactions set amount = amount + 5, balance_after = balance_after - 5 where operation_id = $1 and account_id = $2',
      [scene.paid, scene.ada.accountId],
    );
    expect(kinds(found)).toEqual(['ledger_chain', 'ledger_operation']);
  });

  test('an operation in which more came in than went out, though every account agrees with its legs', async () => {
    const found = await foundAfter(
      `with more as (
         update historical_transactions set amount = amount + 5, balance_after = balance_after + 5
          where id = (select id from historical_transactions where account_id = $1 order by leg_number desc limit 1) and direction = 'CREDIT' returning 1)
       update accounts set balance = balance + 5 where id = $1 and exists (select from more)`,
      [scene.shop.accountId],
    );
    expect(kinds(found)).toEqual(['ledger_operation', 'ledger_total']);
  });

  test('an account that is not at its last leg', async () => {
    const found = await foundAfter('update accounts set version = version + 1 where id = $1', [scene.ada.accountId]);
    expect(found).toEqual([{ kind: 'ledger_numbering', subject: scene.ada.accountId }]);
  });

  test('legs of an account at version 0', async () => {
    const found = await foundAfter('update accounts set version = 0 where id = $1', [scene.shop.accountId]);
    expect(found).toEqual([{ kind: 'ledger_numbering', subject: scene.shop.accountId }]);
  });

  test.each(['held', 'pending', 'incoming'])('an account’s figure for %s', async (column) => {
    const found = await foundAfter(`update accounts set ${column} = ${column} + 1 where id = $1`, [
      scene.ada.accountId,
    ]);
    expect(found).toEqual([{ kind: `ledger_${column}`, subject: scene.ada.accountId }]);
  });

  test.each([
    [
      'was ended without its legs',
      'update holds set ended_at = now() where operation_id = $1',
      ['ledger_held', 'ledger_hold'],
    ],
    ['is gone', 'delete from holds where operation_id = $1', ['ledger_held', 'ledger_hold']],
    [
      'is of another amount',
      'update holds set amount = amount + 1 where operation_id = $1',
      ['ledger_held', 'ledger_hold'],
    ],
    [
      'has lost its legs',
      'delete from historical_transactions where operation_id = $1',
      ['ledger_held', 'ledger_hold', 'ledger_pending'],
    ],
  ])('a hold that %s', async (_what, breaking, expected) => {
    const found = await foundAfter(breaking, [scene.held]);
    expect(kinds(found)).toEqual(expected);
    expect(found).toContainEqual({ kind: 'ledger_hold', subject: scene.held });
  });

  test.each([
    [
      'is open again',
      'update holds set ended_at = null, captured = 0 where operation_id = $1',
      ['ledger_held', 'ledger_hold'],
    ],
    [
      'took less than its legs say',
      'update holds set captured = captured - 1 where operation_id = $1',
      ['ledger_hold'],
    ],
  ])('a captured hold that %s', async (_what, breaking, expected) => {
    const found = await foundAfter(breaking, [scene.captured]);
    expect(kinds(found)).toEqual(expected);
    expect(found).toContainEqual({ kind: 'ledger_hold', subject: scene.captured });
  });

  test.each([
    ['less', 'update refunded_payments set refunded = refunded - 1 where operation_id = $1'],
    ['more', 'update refunded_payments set refunded = refunded + 1 where operation_id = $1'],
    ['nothing', 'delete from refunded_payments where operation_id = $1'],
    ['it of a larger payment', 'update refunded_payments set paid = paid + 1 where operation_id = $1'],
  ])('a total of refunds that counts %s', async (_what, breaking) => {
    expect(await foundAfter(breaking, [scene.paid])).toEqual([{ kind: 'ledger_refund', subject: scene.paid }]);
  });

  test('a total of refunds without refunds', async () => {
    const found = await foundAfter('insert into refunded_payments (operation_id, paid, refunded) values ($1, 25, 1)', [
      scene.captured,
    ]);
    expect(found).toEqual([{ kind: 'ledger_refund', subject: scene.captured }]);
  });

  test('a refund of no payment', async () => {
    const found = await foundAfter('update historical_transactions set refund_of = null where operation_id = $1', [
      scene.refunded,
    ]);
    expect(found).toContainEqual({ kind: 'ledger_refund', subject: scene.refunded });
    expect(kinds(found)).toEqual(['ledger_refund']);
  });

  test('a leg without an account', async () => {
    const found = await foundAfter('update historical_transactions set account_id = uuidv7() where operation_id = $1', [
      scene.topup,
    ]);
    expect(kinds(found)).toEqual(['ledger_orphan', 'ledger_pending']);
  });
});
