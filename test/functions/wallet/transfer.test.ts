// Money from one person to another, and what a wallet may hold and take in.

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { brokenPromises } from '../../setup/accounts.ts';
import { pastTheDatabase } from '../../setup/past-the-database.ts';
import { type Person, serveWallet, type WalletService } from './wallet-service.ts';

let service: WalletService;

beforeAll(async () => {
  service = await serveWallet(async () => [
    (await import('../../../functions/wallet/transfer.ts')).default,
    (await import('../../../functions/wallet/pay.ts')).default,
    (await import('../../../functions/wallet/get-account.ts')).default,
    (await import('../../../functions/wallet/list-transactions.ts')).default,
  ]);
});

afterAll(async () => {
  expect(await brokenPromises(service.admin)).toEqual([]);
  await service.close();
});

const transfer = (as: Person, to: object, amount = '10.00', key?: string) =>
  service.call('transfer', '/v1/transfer', { as, body: { amount, to }, ...(key && { key }) });
const balanceOf = async (as: Person) =>
  (await service.call('get-account', '/v1/account', { method: 'GET', as })).body.data.account.balance;

test('by username, by account id and by phone, however it is written', async () => {
  const [ada, grace] = [await service.openWallet({ balance: '100.00' }), await service.openWallet()];
  await service.admin.query("update users set phone = '+6281298765432', phone_verified_at = now() where id = $1", [
    grace.userId,
  ]);
  const names = [
    { username: grace.username.toUpperCase() },
    { account_id: grace.accountId },
    { phone: '+6281298765432' },
    { phone: '081298765432' },
  ];
  for (const to of names) {
    const answer = await transfer(ada, to);
    expect(answer).toMatchObject({ status: 201, body: { outcome: 'succeeded', safe_to_retry: true } });
    const { transaction } = answer.body.data;
    expect(transaction).toMatchObject({
      transaction_id: `TRF-${transaction.id.replaceAll('-', '').toUpperCase()}`,
      type: 'TRANSFER',
      status: 'SUCCESS',
      direction: 'debit',
      counterparty: { account_id: grace.accountId, username: grace.username, type: 'user' },
    });
  }
  expect([await balanceOf(ada), await balanceOf(grace)]).toEqual(['60.00', '40.00']);
});

test('a number that has changed hands leads to its new owner', async () => {
  const [ada, old, next] = [
    await service.openWallet({ balance: '100.00' }),
    await service.openWallet(),
    await service.openWallet(),
  ];
  const give = (to: Person, phone: string) =>
    service.admin.query('update users set phone = $2, phone_verified_at = now() where id = $1', [to.userId, phone]);
  await give(old, '+6281211112222');
  await transfer(ada, { phone: '081211112222' });
  const first = await transfer(ada, { phone: '081211112222' }, '5.00', 'the key');
  await give(old, '+6281233334444');
  // No user has the number now; the earlier request is still answered.
  const again = await transfer(ada, { phone: '081211112222' }, '5.00', 'the key');
  expect([again.status, again.headers.get('idempotent-replayed')]).toEqual([201, 'true']);
  expect(again.body.data).toEqual(first.body.data);
  expect((await transfer(ada, { phone: '081211112222' })).status).toBe(404);
  await give(next, '+6281211112222');
  await transfer(ada, { phone: '081211112222' });
  expect([await balanceOf(old), await balanceOf(next)]).toEqual(['15.00', '10.00']);
});

test('merchants are paid, not transferred to', async () => {
  const [ada, shop] = [await service.openWallet({ balance: '100.00' }), await service.openWallet({ type: 'merchant' })];
  expect((await transfer(ada, { account_id: shop.accountId })).body).toMatchObject({
    status: 422,
    code: 'payee_not_a_person',
    outcome: 'failed',
  });
  expect(await balanceOf(ada)).toBe('100.00');
});

test.each([
  [{ phone: '12' }, 422, 'invalid_request'],
  [{ phone: '081200000000' }, 404, 'payee_not_found'],
  [{ phone: '081200000000', username: 'ada' }, 422, 'invalid_request'],
  [{}, 422, 'invalid_request'],
])('to %j: %i', async (to, status, code) => {
  const ada = await service.openWallet({ balance: '100.00' });
  expect((await transfer(ada, to)).body).toMatchObject({ status, code });
});

test('a key of a payment is not one of a transfer', async () => {
  const [ada, grace] = [await service.openWallet({ balance: '100.00' }), await service.openWallet()];
  const body = { amount: '10.00', to: { account_id: grace.accountId } };
  expect((await service.call('pay', '/v1/pay', { as: ada, body, key: 'one' })).status).toBe(201);
  expect((await transfer(ada, body.to, body.amount, 'one')).body).toMatchObject({
    code: 'idempotency_key_reused',
    detail: expect.stringContaining('pay'),
  });
  expect(await balanceOf(grace)).toBe('10.00');
});

describe('limits on e-money', () => {
  const rich = () => service.openWallet({ type: 'merchant', balance: '100000000.00' });

  test('an unverified wallet holds two million, a verified one twenty', async () => {
    const [shop, ada] = [await rich(), await service.openWallet({ balance: '500000.00' })];
    expect((await transfer(shop, { account_id: ada.accountId }, '1500000.01')).body).toMatchObject({
      status: 422,
      code: 'balance_limit_exceeded',
      outcome: 'failed',
      // The balance of another user's wallet is not told.
      limit: { rule: 'wallet_balance', value: '2000000.00', left: null, currency: 'IDR' },
    });
    expect((await transfer(shop, { account_id: ada.accountId }, '1500000.00')).status).toBe(201);
    await service.admin.query('update accounts set verified_at = now() where id = $1', [ada.accountId]);
    expect((await transfer(shop, { account_id: ada.accountId }, '18000000.01')).body).toMatchObject({
      code: 'balance_limit_exceeded',
      limit: { value: '20000000.00' },
    });
    expect((await transfer(shop, { account_id: ada.accountId }, '18000000.00')).status).toBe(201);
  });

  test('forty million may come in during a month of Jakarta, and the next month begins at zero', async () => {
    const [shop, ada] = [await rich(), await service.openWallet()];
    await service.admin.query('update accounts set verified_at = now() where id = $1', [ada.accountId]);
    for (let count = 0; count < 2; count++) {
      expect((await transfer(shop, { account_id: ada.accountId }, '20000000.00')).status).toBe(201);
      await service.call('pay', '/v1/pay', {
        as: ada,
        body: { amount: '20000000.00', to: { account_id: shop.accountId } },
      });
    }
    expect((await transfer(shop, { account_id: ada.accountId }, '0.01')).body).toMatchObject({
      status: 422,
      code: 'incoming_limit_exceeded',
      limit: { rule: 'monthly_incoming', value: '40000000.00', left: null },
    });
    await pastTheDatabase(
      service.admin,
      "update accounts set incoming_month = incoming_month - interval '1 month' where id = $1",
      [ada.accountId],
    );
    expect((await transfer(shop, { account_id: ada.accountId }, '0.01')).status).toBe(201);
  });

  test('the rules are rows: a new one is valid from its day on', async () => {
    const [shop, ada] = [await rich(), await service.openWallet()];
    await service.admin.query(
      "update emoney_limits set valid_until = now() where holder = 'UNVERIFIED' and rule = 'BALANCE'",
    );
    await service.admin.query(
      "insert into emoney_limits (holder, rule, value, valid_from, basis) values ('UNVERIFIED', 'BALANCE', 3000000, now(), 'a test')",
    );
    expect((await transfer(shop, { account_id: ada.accountId }, '3000000.00')).status).toBe(201);
    await expect(
      service.admin.query(
        "insert into emoney_limits (holder, rule, value, valid_from, basis) values ('UNVERIFIED', 'BALANCE', 1, now(), 'a test')",
      ),
    ).rejects.toMatchObject({ code: '23P01' });
  });
});

test('people who send each other all their money at once neither make nor lose any', async () => {
  const people: Person[] = [];
  for (let count = 0; count < 6; count++) people.push(await service.openWallet({ balance: '100.00' }));
  const answers = await Promise.all(
    Array.from({ length: 300 }, (_, index) => {
      const [from, to] = [people[index % 6], people[(index * 5 + 1 + (index % 4)) % 6]] as [Person, Person];
      return transfer(from, { account_id: to.accountId }, `${(index % 60) + 1}.00`);
    }),
  );
  expect([...new Set(answers.map(({ status }) => status))].sort()).toEqual([201, 402, 422]);
  const balances: number[] = [];
  for (const person of people) balances.push(Number(await balanceOf(person)) * 100);
  expect(balances.reduce((sum, each) => sum + each, 0)).toBe(60_000);
});
