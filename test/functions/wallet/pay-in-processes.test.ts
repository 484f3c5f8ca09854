// Payments through several processes at once, as they run in production: concurrency, crashes, and the drain.

import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import pg from 'pg';
import { brokenPromises } from '../../setup/accounts.ts';
import { type FunctionProcess, startBeside } from '../../setup/function-process.ts';
import { call, type Person, serveWallet, type WalletService } from './wallet-service.ts';

let service: WalletService;
let merchant: Person;
const running = new Set<FunctionProcess>();

beforeAll(async () => {
  service = await serveWallet(async () => []);
  merchant = await service.openWallet({ type: 'merchant' });
});

afterAll(async () => {
  for (const each of running) each.kill('SIGKILL');
  await Promise.all([...running].map(({ ended }) => ended));
  expect(await brokenPromises(service.admin)).toEqual([]);
  await service.close();
});

async function startPay(): Promise<FunctionProcess> {
  const started = await startBeside('pay');
  running.add(started);
  return started;
}

const payOn = ({ url }: FunctionProcess, as: Person, amount: string, key = randomUUID()) =>
  call(`${url}/v1/pay`, { as, key, body: { amount, to: { account_id: merchant.accountId } } });

async function balanceOf({ accountId }: Person): Promise<string> {
  const { rows } = await service.admin.query('select balance from accounts where id = $1', [accountId]);
  return rows[0].balance;
}

test('twenty payments of 800 from a balance of 1000, spread over two processes, give one success', async () => {
  const [first, second] = [await startPay(), await startPay()];
  const ada = await service.openWallet({ balance: '1000.00' });
  const answers = await Promise.all(
    Array.from({ length: 20 }, async (_, index) => {
      const instance = index % 2 === 0 ? first : second;
      return { instance, ...(await payOn(instance, ada, '800.00')) };
    }),
  );
  expect(answers.map(({ status }) => status).sort()).toEqual([201, ...Array(19).fill(402)]);
  // Both have decided some of them.
  for (const instance of [first, second])
    expect(answers.filter((answer) => answer.instance === instance)).toHaveLength(10);
  expect(await balanceOf(ada)).toBe('200.00');
});

test('money is neither made nor lost when people pay each other at once through two processes', async () => {
  const processes = [await startPay(), await startPay()];
  const people: Person[] = [];
  for (let count = 0; count < 6; count++) people.push(await service.openWallet({ balance: '100.00' }));
  const answers = await Promise.all(
    Array.from({ length: 300 }, (_, index) => {
      const from = people[index % 6] as Person;
      const to = people[(index * 5 + 1 + (index % 4)) % 6] as Person;
      const body = { amount: `${(index % 60) + 1}.00`, to: { account_id: to.accountId } };
      return call(`${processes[index % 2]?.url}/v1/pay`, { as: from, body });
    }),
  );
  expect([...new Set(answers.map(({ status }) => status))].sort()).toEqual([201, 402, 422]);
  const balances: string[] = [];
  for (const person of people) balances.push(await balanceOf(person));
  expect(balances.reduce((sum, balance) => sum + Number(balance) * 100, 0)).toBe(60_000);
  expect(await brokenPromises(service.admin)).toEqual([]);
});

test('a process that is killed in the middle loses nothing: the same keys at another process learn the outcome', async () => {
  const doomed = await startPay();
  const ada = await service.openWallet({ balance: '1000.00' });
  const keys = Array.from({ length: 60 }, () => randomUUID());
  let answered = 0;
  const first = await Promise.all(
    keys.map((key) =>
      payOn(doomed, ada, '1.00', key).then(
        (answer) => {
          // The rest is on its way when some are answered.
          if (++answered === 1) doomed.kill('SIGKILL');
          return answer.status;
        },
        () => 'no answer',
      ),
    ),
  );
  expect(await doomed.ended).toBe('SIGKILL');
  const survivor = await startPay();
  const again = await Promise.all(keys.map((key) => payOn(survivor, ada, '1.00', key)));
  expect(again.map(({ status }) => status)).toEqual(Array(60).fill(201));
  for (const [index, status] of first.entries()) {
    if (status === 201) expect(again[index]?.headers.get('idempotent-replayed')).toBe('true');
  }
  expect(await balanceOf(ada)).toBe('940.00');
});

test('at SIGTERM every request in flight is answered, then the process ends', async () => {
  const leaving = await startPay();
  const ada = await service.openWallet({ balance: '1000.00' });
  // Another transaction holds the account, so that the payments are surely in flight when the signal comes.
  const holder = new pg.Client({ connectionString: service.database.adminUrl });
  await holder.connect();
  await holder.query('begin');
  await holder.query('select 1 from accounts where id = $1 for update', [ada.accountId]);
  const answers = Promise.all(Array.from({ length: 10 }, () => payOn(leaving, ada, '1.00')));
  await untilSomebodyWaitsForALock();
  leaving.kill('SIGTERM');
  await holder.query('commit');
  await holder.end();
  expect((await answers).map(({ status }) => status)).toEqual(Array(10).fill(201));
  expect(await leaving.ended).toBe(0);
  await expect(fetch(leaving.url)).rejects.toThrow();
});

async function untilSomebodyWaitsForALock(): Promise<void> {
  for (;;) {
    const { rows } = await service.admin.query(
      "select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
    );
    if (rows.length > 0) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
