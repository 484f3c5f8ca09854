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

interface Figures {
  version: string;
  balance: string;
  held: string;
  pending: string;
  incoming: string;
}

/** Writes legs, with `more` in the same statement and `after` as the next one. Returns the figures of ada and grace. */
async function write(
  legs: LegValues[],
  { status = 'SUCCESS', currency = 'IDR', more = '', after = '' } = {},
): Promise<[ada: Figures, grace: Figures]> {
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
       )${more}
       insert into historical_transactions (id, operation_id, account_id, user_id, leg_number, transaction_type, transaction_status,
              direction, amount, balance_before, balance_after, currency)
       select id, operation_id, account_id, user_id, leg_number, 'PAYMENT', $2::transaction_status_enum, direction, amount, before, after, $3
         from new`,
      [JSON.stringify(rows), status, currency],
    );
    if (after) await money.query(after);
    const { rows: left } = await money.query(
      'select version, balance, held, pending, incoming from accounts where id in ($1, $2) order by id <> $1',
      [ada.accountId, grace.accountId],
    );
    return left as [Figures, Figures];
  } finally {
    // Everything is rolled back: each test starts from the same state.
    await money.query('rollback');
  }
}

const promise = (amount: string) => `, promise as (
  insert into holds (operation_id, payer_account, amount, held_at, expires_at)
  values (uuidv7(), '${ada.accountId}', ${amount}, now(), now() + interval '1 hour')
)`;

describe('legs are refused', () => {
  test('only when they are wrong: good ones are written', async () => {
    await write([
      [ada, 2, 'DEBIT', '10', '100', '90'],
      [grace, 1, 'CREDIT', '10', '0', '10'],
    ]);
  });

  test.each<{ when: string; legs: () => LegValues[]; status?: string; currency?: string }>([
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
      when: 'a number is left out',
      legs: () => [
        [ada, 3, 'DEBIT', '10', '100', '90'],
        [grace, 1, 'CREDIT', '10', '0', '10'],
      ],
    },
    {
      when: 'two of an account have one number',
      legs: () => [
        [ada, 2, 'DEBIT', '10', '100', '90'],
        [grace, 1, 'CREDIT', '5', '0', '5'],
        [grace, 1, 'CREDIT', '5', '5', '10'],
      ],
    },
    {
      when: 'the second of an account does not begin where the first ends',
      legs: () => [
        [ada, 2, 'DEBIT', '10', '100', '90'],
        [grace, 1, 'CREDIT', '5', '0', '5'],
        [grace, 2, 'CREDIT', '5', '0', '5'],
      ],
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

  test('legs that move money leave it where they end', async () => {
    expect(await write(paid())).toEqual([
      { version: '2', balance: '90.00', held: '0.00', pending: '0.00', incoming: '100.00' },
      { version: '1', balance: '10.00', held: '0.00', pending: '0.00', incoming: '10.00' },
    ]);
  });

  const pending = (): LegValues[] => [
    [ada, 2, 'DEBIT', '4', '100', '100'],
    [grace, 1, 'CREDIT', '4', '0', '0'],
  ];
  const end = (status: string, number: string, moved: number) => `
    with ended as (update holds set ended_at = now())
    update historical_transactions leg
       set transaction_status = '${status}', leg_number = ${number}, balance_before = account.balance,
           balance_after = account.balance + case direction when 'DEBIT' then -${moved} else ${moved} end
      from accounts account where account.id = leg.account_id and leg.transaction_status = 'PENDING'`;

  test('legs that are PENDING are promised, until they end', async () => {
    const options = { status: 'PENDING', more: promise('4') };
    expect(await write(pending(), options)).toEqual([
      { version: '2', balance: '100.00', held: '4.00', pending: '0.00', incoming: '100.00' },
      { version: '1', balance: '0.00', held: '0.00', pending: '4.00', incoming: '0.00' },
    ]);
    expect(await write(pending(), { ...options, after: end('SUCCESS', 'account.version + 1', 4) })).toEqual([
      { version: '3', balance: '96.00', held: '0.00', pending: '0.00', incoming: '100.00' },
      { version: '2', balance: '4.00', held: '0.00', pending: '0.00', incoming: '4.00' },
    ]);
    expect(await write(pending(), { ...options, after: end('CANCELLED', 'account.version + 1', 0) })).toEqual([
      { version: '3', balance: '100.00', held: '0.00', pending: '0.00', incoming: '100.00' },
      { version: '2', balance: '0.00', held: '0.00', pending: '0.00', incoming: '0.00' },
    ]);
  });

  test.each([
    ['keeps its number', end('CANCELLED', 'leg.leg_number', 0)],
    ['moves money under its old number', end('SUCCESS', 'leg.leg_number', 4)],
    ['leaves a number out', end('CANCELLED', 'account.version + 2', 0)],
    ['takes a new number and does not end', end('PENDING', 'account.version + 2', 0)],
  ])('a PENDING leg that %s is refused', async (_what, after) => {
    await expect(write(pending(), { status: 'PENDING', more: promise('4'), after })).rejects.toMatchObject({
      code: '23514',
    });
  });

  test('a leg that is only described otherwise changes nothing', async () => {
    const after =
      "update historical_transactions set external_reference = 'INV-1' where transaction_status = 'PENDING'";
    expect(await write(pending(), { status: 'PENDING', more: promise('4'), after })).toMatchObject([
      { version: '2', held: '4.00' },
      { version: '1', pending: '4.00' },
    ]);
  });

  test.each([
    ['its balance', 'balance = 1000'],
    ['a balance of nothing', 'balance = 0'],
    ['its version', 'version = version + 1'],
    ['its version and its balance', 'version = version + 1, balance = 1000'],
    ['what its next legs will say', 'version = 2, balance = 90'],
    ['back to where it stood earlier', 'version = 0, balance = 0, incoming = 0'],
    ['the held amount', 'held = 1'],
    ['the held amount, with a number', 'held = 1, version = version + 1'],
    ['the pending amount', 'pending = 1'],
    ['what came in this month', 'incoming = 0'],
    ['the month of what came in', "incoming_month = '2020-01-01'"],
  ])('no role sets %s', async (_what, change) => {
    const update = `update accounts set ${change} where id = '${ada.accountId}'`;
    await expect(money.query(update)).rejects.toMatchObject({ code: '42501' });
    await expect(admin.query(update)).rejects.toMatchObject({ code: '23514' });
  });

  test('nor those of an account of One Gate itself', async () => {
    const update = "update accounts set balance = balance + 1 where kind = 'SYSTEM'";
    await expect(money.query(update)).rejects.toMatchObject({ code: '42501' });
    await expect(admin.query(update)).rejects.toMatchObject({ code: '23514' });
  });

  test('legs in the same statement do not help, of other accounts or its own', async () => {
    const stranger = await openAccount(admin);
    for (const { accountId } of [stranger, ada]) {
      const gift = `, gift as (update accounts set balance = 5, version = 1 where id = '${accountId}')`;
      await expect(write(paid(), { more: gift })).rejects.toMatchObject({ code: '42501' });
    }
    const legs = `insert into historical_transactions (id, operation_id, account_id, user_id, leg_number, transaction_type, transaction_status,
      direction, amount, balance_before, balance_after) select (left(id, 35) || '2')::uuid, (left(id, 35) || '0')::uuid, $1, $2, 1, 'TOPUP',
      'PENDING', 'CREDIT', 5, 0, 0 from (select uuidv7()::text as id) made`;
    const gift = 'gift as (update accounts set balance = 5, version = 1 where id = $1)';
    const values = [stranger.accountId, stranger.userId];
    await expect(admin.query(`with ${gift} ${legs}`, values)).rejects.toMatchObject({ code: '23514' });
    await admin.query(legs, values);
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
    for (const more of ['', promise('5'), promise('3')]) {
      await expect(write(pending(), { status: 'PENDING', more })).rejects.toMatchObject({
        code: '23514',
        message: expect.stringContaining(ada.accountId),
      });
    }
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
