// The months' partitions: made by a schedule ahead of time, attached while payments go on.

import { afterAll, beforeAll, expect, test } from '@jest/globals';
import pg from 'pg';
import { openAccount } from '../../setup/accounts.ts';
import { createTestDatabase, type TestDatabase } from '../../setup/database.ts';

let database: TestDatabase;
const clients: pg.Client[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(async () => {
  for (const client of clients) await client.end();
  await database.drop();
});

async function connect(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  clients.push(client);
  return client;
}

const partitions = async (client: pg.Client) =>
  (
    await client.query(
      "select count(*)::int as count from pg_inherits where inhparent = 'historical_transactions'::regclass",
    )
  ).rows[0].count;

test('a month is attached beside an uncommitted payment, and a payment is posted beside an uncommitted month', async () => {
  const payments = await connect(database.adminUrl);
  const schedule = await connect(database.urls.money);
  const before = await partitions(payments);
  // A statement that has to wait for the other is refused instead of blocking.
  for (const client of [payments, schedule]) await client.query("set lock_timeout = '1s'");

  await payments.query('begin');
  await openAccount(payments, { balance: '10.00' });
  const made = await schedule.query('select ensure_leg_partitions(14) as made');
  expect(made.rows[0].made).toBe(2);
  await payments.query('commit');

  await schedule.query('begin');
  await schedule.query('select ensure_leg_partitions(15)');
  await openAccount(payments, { balance: '10.00' });
  await schedule.query('commit');
  expect(await partitions(payments)).toBe(before + 3);
});

test('an existing month is left alone, however many calls come at once', async () => {
  const several = await Promise.all([1, 2, 3].map(() => connect(database.urls.money)));
  const before = await partitions(several[0] as pg.Client);
  const made = await Promise.all(several.map((client) => client.query('select ensure_leg_partitions(16) as made')));
  expect(made.map(({ rows }) => rows[0].made).sort()).toEqual([0, 0, 1]);
  expect(await partitions(several[0] as pg.Client)).toBe(before + 1);
});
