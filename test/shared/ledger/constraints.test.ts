// The database holds the ledger's promises a second time: it refuses changes that the code never makes.

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import pg from 'pg';
import { newOperationId } from '../../../shared/ledger/rules/ids.ts';
import { brokenPromises, openAccount, type TestAccount } from '../../setup/accounts.ts';
import { createTestDatabase, queryOnce, type TestDatabase } from '../../setup/database.ts';
import { pastTheDatabase } from '../../setup/past-the-database.ts';

let database: TestDatabase;
let admin: pg.Client;
let money: pg.Client;
let ada: TestAccount;
let grace: TestAccount;

beforeAll(async () => {
  database = await createTestDatabase();
  admin = new pg.Client({ connectionString: database.adminUrl });
  money = new pg.Client({ connectionString: database.urls.money });
  await Promise.all([admin.connect(), money.connect()]);
  ada = await openAccount(admin, { balance: '100.00' });
  grace = await openAccount(admin);
});

afterAll(async () => {
  await Promise.all([admin.end(), money.end()]);
  await database.drop();
});

type LegValues = [
  account: TestAccount,
  number: number,
  direction: string,
  amount: string,
  before: string,
  after: string,
];

/**
 * Writes legs and, unless told otherwise, updates each account to its last leg; `more` is written in the same
 * statement.
 */
async function write(
  legs: LegValues[],
  { balances = true, status = 'SUCCESS', currency = 'IDR', held = '0', more = '' } = {},
): Promise<void> {
  const operationId = newOperationId();
  await money.query('begin');
  try {
    const rows = legs.map(([{ accountId, userId }, number, direction, amount, before, after], place) => ({
      id: operationId.slice(0, 35) + (place + 1),
      operation_id: operationId,
      account_id: accountId,
      user_id: userId,
      leg_number: number,
      direction,
      amount,
      before,
      after,
    }));
    await money.query(
      `with new as (
         select * from json_to_recordset($1) as new (id uuid, operation_id uuid, account_id uuid, user_id bigint, leg_number bigint,
                direction direction_enum, amount numeric, before numeric, after numeric)
       ), changed as (
         update accounts account
            set balance = new.after, version = new.leg_number, held = case direction when 'DEBIT' then $5::numeric else 0 end
           from new where account.id = new.account_id and $4
       )${more}
       insert into historical_transactions (id, operation_id, account_id, user_id, leg_number, transaction_type, transaction_status,
              direction, amount, balance_before, balance_after, currency)
       select id, operation_id, account_id, user_id, leg_number, 'PAYMENT', $2::transaction_status_enum, direction, amount, before, after, $3
         from new`,
      [JSON.stringify(rows), status, currency, balances, held],
    );
  } finally {
    // Everything is rolled back: each test starts from the same state.
    await money.query('rollback');
  }
}

describe('legs are refused', () => {
  test('only when they are wrong: good ones are written', async () => {
    await write([
      [ada, 2, 'DEBIT', '10', '100', '90'],
      [grace, 1, 'CREDIT', '10', '0', '10'],
    ]);
  });

  test.each<{ when: string; legs: () => LegValues[]; balances?: boolean; status?: string; currency?: string }>([
    {
      when: 'they make money',
      legs: () => [
        [ada, 2, 'DEBIT', '10', '100', '90'],
        [grace, 1, 'CREDIT', '11', '0', '11'],
      ],
    },
    { when: 'one of them is missing', legs: () => [[ada, 2, 'DEBIT', '10', '100', '90']] },
    {
      when: 'the balances do not follow',
      legs: () => [
        [ada, 2, 'DEBIT', '10', '100', '95'],
        [grace, 1, 'CREDIT', '5', '0', '5'],
      ],
    },
    { when: 'a pending one moves money', legs: () => [[grace, 1, 'CREDIT', '10', '0', '10']], status: 'PENDING' },
    {
      when: 'the accounts do not change',
      legs: () => [
        [ada, 2, 'DEBIT', '10', '100', '90'],
        [grace, 1, 'CREDIT', '10', '0', '10'],
      ],
      balances: false,
    },
    {
      when: 'the number is taken',
      legs: () => [
        [ada, 1, 'DEBIT', '10', '100', '90'],
        [grace, 1, 'CREDIT', '10', '0', '10'],
      ],
    },
    {
      when: 'they name another owner',
      legs: () => [
        [{ ...ada, userId: grace.userId }, 2, 'DEBIT', '10', '100', '90'],
        [grace, 1, 'CREDIT', '10', '0', '10'],
      ],
    },
    {
      when: 'they are in another currency',
      legs: () => [
        [ada, 2, 'DEBIT', '10', '100', '90'],
        [grace, 1, 'CREDIT', '10', '0', '10'],
      ],
      currency: 'USD',
    },
    {
      when: 'there is no such account',
      legs: () => [
        [{ ...ada, accountId: '00000000-0000-7000-8000-00000000dead' }, 2, 'DEBIT', '10', '100', '90'],
        [grace, 1, 'CREDIT', '10', '0', '10'],
      ],
    },
    {
      when: 'the payer would go below zero',
      legs: () => [
        [ada, 2, 'DEBIT', '110', '100', '-10'],
        [grace, 1, 'CREDIT', '110', '0', '110'],
      ],
    },
    {
      when: 'nothing is moved',
      legs: () => [
        [ada, 2, 'DEBIT', '0', '100', '100'],
        [grace, 1, 'CREDIT', '0', '0', '0'],
      ],
    },
  ])('when $when', async ({ legs, ...options }) => {
    await expect(write(legs(), options)).rejects.toMatchObject({ code: expect.stringMatching(/^(23514|23505)$/) });
  });
});

describe('an account changes only with the legs that say so:', () => {
  const paid = (): LegValues[] => [
    [ada, 2, 'DEBIT', '10', '100', '90'],
    [grace, 1, 'CREDIT', '10', '0', '10'],
  ];

  test.each([
    ['its balance', 'balance = 1000'],
    ['a balance of nothing', 'balance = 0'],
    ['its version', 'version = version + 1'],
    ['its version and its balance', 'version = version + 1, balance = 1000'],
    ['back to where it stood earlier', 'version = 0, balance = 0, incoming = 0'],
    ['the held amount', 'held = 1'],
    ['the held amount, with a number', 'held = 1, version = version + 1'],
    ['the pending amount', 'pending = 1'],
    ['what came in this month', 'incoming = 0'],
    ['the month of what came in', "incoming_month = '2020-01-01'"],
  ])('no role sets %s', async (_what, change) => {
    for (const client of [money, admin]) {
      await expect(client.query(`update accounts set ${change} where id = $1`, [ada.accountId])).rejects.toMatchObject({
        code: '23514',
        message: expect.stringContaining(ada.accountId),
      });
    }
  });

  test('nor does an account of One Gate itself', async () => {
    await expect(money.query("update accounts set balance = balance + 1 where kind = 'SYSTEM'")).rejects.toMatchObject({
      code: '23514',
    });
  });

  test('figures before their legs, which come in the next statement, are refused', async () => {
    await money.query('begin');
    await expect(
      money.query('update accounts set balance = 90, version = 2 where id = $1', [ada.accountId]),
    ).rejects.toMatchObject({ code: '23514' });
    await money.query('rollback');
  });

  test('legs of other accounts do not count', async () => {
    const stranger = await openAccount(admin);
    const gift = `, gift as (update accounts set balance = 5, version = 1 where id = '${stranger.accountId}')`;
    await expect(write(paid(), { more: gift })).rejects.toMatchObject({ code: '23514' });
    await write(paid());
  });

  test('legs that begin at another balance make no money', async () => {
    await expect(
      write([
        [ada, 2, 'DEBIT', '10', '1000', '990'],
        [grace, 1, 'CREDIT', '10', '0', '10'],
      ]),
    ).rejects.toMatchObject({ code: '23514', message: expect.stringContaining(ada.accountId) });
  });

  test('held follows from open holds', async () => {
    const promise = `, promise as (
      insert into holds (operation_id, payer_account, amount, held_at, expires_at)
      values (uuidv7(), '${ada.accountId}', 4, now(), now() + interval '1 hour')
    )`;
    await write(paid(), { held: '4', more: promise });
    await expect(write(paid(), { held: '5', more: promise })).rejects.toMatchObject({ code: '23514' });
    await expect(write(paid(), { held: '4' })).rejects.toMatchObject({ code: '23514' });
  });

  test('it is opened empty', async () => {
    for (const figure of ['balance', 'held', 'pending', 'incoming', 'version']) {
      await expect(
        admin.query(`insert into accounts (kind, name, ${figure}) values ('SYSTEM', 'rich', 5)`),
      ).rejects.toMatchObject({ code: '23514' });
    }
  });

  test('an account with wrong figures keeps them, and can be suspended and paid', async () => {
    const wrong = await openAccount(admin, { balance: '50.00' });
    await pastTheDatabase(admin, 'update accounts set balance = 55 where id = $1', [wrong.accountId]);
    await admin.query("update accounts set account_status = 'SUSPENDED' where id = $1", [wrong.accountId]);
    await write([
      [wrong, 2, 'DEBIT', '10', '55', '45'],
      [grace, 1, 'CREDIT', '10', '0', '10'],
    ]);
    await pastTheDatabase(admin, 'update accounts set balance = 50 where id = $1', [wrong.accountId]);
  });
});

describe('the role that moves money', () => {
  test.each([
    [
      'change a leg that has moved money',
      "update historical_transactions set leg_number = 99 where transaction_status = 'SUCCESS'",
      '23001',
    ],
    ['change an amount', 'update historical_transactions set amount = amount + 1', '23001'],
    ['freeze or thaw', "update freezes set reason = 'mine'", '42501'],
    ['change a limit', 'update emoney_limits set value = 1', '42501'],
    ['suspend an account', "update accounts set account_status = 'SUSPENDED'", '42501'],
    ['verify an account', 'update accounts set verified_at = now()', '42501'],
    ['remove a leg', 'delete from historical_transactions', '42501'],
    ['open an account', "insert into accounts (kind, name) values ('SYSTEM', 'mine')", '42501'],
    ['give an account to another user', 'update accounts set user_id = null', '42501'],
    ['read a password', 'select password from users', '42501'],
    ['make a table', 'create table mine ()', '42501'],
  ])('cannot %s', async (_name, sql, code) => {
    await expect(money.query(sql)).rejects.toMatchObject({ code });
  });

  test('waits for locks, statements and itself for seconds at most', async () => {
    const { rows } = await money.query(
      "select name, setting from pg_settings where name in ('lock_timeout', 'statement_timeout', 'idle_in_transaction_session_timeout') order by name",
    );
    expect(rows.map(({ setting }) => Number(setting))).toEqual([5_000, 2_000, 5_000]);
  });
});

test('the role that reads cannot write', async () => {
  const asReader = (sql: string) => queryOnce(database.urls.reader, sql);
  await expect(asReader("update accounts set account_status = 'CLOSED'")).rejects.toMatchObject({
    code: expect.stringMatching(/^(25006|42501)$/),
  });
  await expect(asReader('select password from users')).rejects.toMatchObject({ code: '42501' });
});

test('partitions exist for the coming year, and a second call makes none', async () => {
  const { rows } = await admin.query('select ensure_leg_partitions(12) as made');
  expect(rows).toEqual([{ made: 0 }]);
  const { rows: parts } = await admin.query(
    "select count(*)::int as n from pg_inherits where inhparent = 'historical_transactions'::regclass",
  );
  expect(parts[0].n).toBeGreaterThanOrEqual(14);
});

test('no role removes an account, not even the owner of the table', async () => {
  await expect(admin.query('delete from accounts')).rejects.toMatchObject({ code: '23001' });
});

test('none of these tests has left a trace', async () => {
  expect(await brokenPromises(admin)).toEqual([]);
});
