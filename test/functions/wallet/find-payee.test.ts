import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { queryOnce } from '../../setup/database.ts';
import { type Person, serveWallet, type WalletService } from './wallet-service.ts';

let service: WalletService;
let caller: Person;
let merchant: Person;

beforeAll(async () => {
  service = await serveWallet(async () => [
    (await import('../../../functions/wallet/find-payee.ts')).default,
    (await import('../../../functions/wallet/pay.ts')).default,
  ]);
  caller = await service.openWallet({ balance: '1000.00' });
  merchant = await service.openWallet({ username: 'warung_sari', type: 'merchant' });
  await giveNumber('+6281234567890', merchant);
});

afterAll(() => service.close());

const find = (search: string) => service.call('find-payee', `/v1/payees?${search}`, { method: 'GET', as: caller });

const claimNumber = (phone: string, by: Person) =>
  service.admin.query('update users set phone = $1, phone_verified_at = null where id = $2', [phone, by.userId]);

async function giveNumber(phone: string, to: Person): Promise<void> {
  await claimNumber(phone, to);
  await service.admin.query("select prove_claim($1, 'phone', $2)", [to.userId, phone]);
}

test('a username finds its wallet, in any case', async () => {
  const { status, body } = await find('username=Warung_Sari');
  expect(status).toBe(200);
  expect(body.data.payee).toEqual({
    account_id: merchant.accountId,
    username: 'warung_sari',
    masked_name: 'w****g s**i',
    type: 'merchant',
  });
});

test.each(['phone=081234567890', 'phone=%2B6281234567890', 'phone=+62+812-3456-7890', 'phone=6281234567890'])(
  '%s finds the wallet, but does not tell the username',
  async (search) => {
    const { status, body } = await find(search);
    expect(status).toBe(200);
    expect(body.data.payee).toEqual({
      account_id: merchant.accountId,
      username: null,
      masked_name: 'w****g s**i',
      type: 'merchant',
    });
  },
);

test('a number that has changed hands finds its new owner at once', async () => {
  const other = await service.openWallet();
  await giveNumber('+6281234500001', merchant);
  expect((await find('phone=081234500001')).body.data.payee.account_id).toBe(merchant.accountId);
  await giveNumber('+6281234567890', merchant);
  await giveNumber('+6281234500001', other);
  expect((await find('phone=081234500001')).body.data.payee.account_id).toBe(other.accountId);
});

test('money goes to a phone number, and both spellings of it are the same request', async () => {
  const pay = (phone: string) =>
    service.call('pay', '/v1/pay', { as: caller, key: 'by-phone', body: { amount: '1.00', to: { phone } } });
  const first = await pay('0812 3456 7890');
  expect(first.status).toBe(201);
  expect(first.body.data.transaction.counterparty.account_id).toBe(merchant.accountId);
  const again = await pay('+6281234567890');
  expect(again.headers.get('idempotent-replayed')).toBe('true');
  expect(again.body.data).toEqual(first.body.data);
});

test('an unproven number finds no payee, and no payment goes to it', async () => {
  const squatter = await service.openWallet();
  await claimNumber('+6281277778888', squatter);
  const pay = () =>
    service.call('pay', '/v1/pay', { as: caller, body: { amount: '1.00', to: { phone: '+6281277778888' } } });
  for (const { status, body } of [await find('phone=081277778888'), await pay()]) {
    expect([status, body.code]).toEqual([404, 'payee_not_found']);
  }
  const owner = await service.openWallet({ type: 'merchant' });
  await giveNumber('+6281277778888', owner);
  expect((await find('phone=081277778888')).body.data.payee.account_id).toBe(owner.accountId);
  expect((await pay()).body.data.transaction.counterparty.account_id).toBe(owner.accountId);
});

test.each(['username=no_such_user', 'phone=081299999999'])('%s finds no payee', async (search) => {
  const { status, body } = await find(search);
  expect([status, body.code]).toEqual([404, 'payee_not_found']);
});

test.each([
  ['', 'query', 'must have exactly one of username and phone'],
  ['username=warung_sari&phone=081234567890', 'query', 'must have exactly one of username and phone'],
  ['phone=12', 'query/phone', 'must be a phone number such as +6281234567890 or 081234567890'],
  ['phone=warung_sari', 'query/phone', 'must be a phone number such as +6281234567890 or 081234567890'],
  ['username=ab', 'query/username', 'must have at least 3 characters'],
])('?%s is refused', async (search, pointer, detail) => {
  const { status, body } = await find(search);
  expect(status).toBe(422);
  expect(body.errors).toEqual([{ pointer, detail }]);
});

describe('the database', () => {
  test('tells no role a phone number, and answers about one at a time', async () => {
    const { default: pg } = await import('pg');
    for (const url of [service.database.urls.money, service.database.urls.reader]) {
      const client = new pg.Client({ connectionString: url });
      await client.connect();
      await expect(client.query('select phone from users')).rejects.toThrow('permission denied');
      const { rows } = await client.query("select * from payee_by_phone('+6281234567890')");
      await client.end();
      expect(rows).toEqual([{ account_id: merchant.accountId, username: 'warung_sari', type: 'merchant' }]);
    }
  });

  test('does not answer the role that registers and logs in', async () => {
    const question = "select * from payee_by_phone('+6281234567890')";
    await expect(queryOnce(service.database.urls.identity, question)).rejects.toThrow('permission denied');
  });
});
