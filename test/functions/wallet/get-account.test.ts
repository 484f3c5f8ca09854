import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { newOperationId } from '../../../shared/ledger/rules/ids.ts';
import type { Movement } from '../../../shared/ledger/rules/words.ts';
import { parseAmount } from '../../../shared/money.ts';
import { brokenPromises } from '../../setup/accounts.ts';
import { GOPAY_CLEARING, GOPAY_SUSPENSE } from '../../setup/gopay-accounts.ts';
import { type Person, serveWallet, type WalletService } from './wallet-service.ts';

let service: WalletService;
let merchant: Person;

beforeAll(async () => {
  service = await serveWallet(async () => [
    (await import('../../../functions/wallet/pay.ts')).default,
    (await import('../../../functions/wallet/hold.ts')).default,
    (await import('../../../functions/wallet/capture.ts')).default,
    (await import('../../../functions/wallet/get-account.ts')).default,
  ]);
  merchant = await service.openWallet({ username: 'warung_sari', type: 'merchant' });
});

afterAll(async () => {
  expect(await brokenPromises(service.admin)).toEqual([]);
  await service.close();
});

const read = (as: Person, at?: string) =>
  service.call('get-account', `/v1/account${at === undefined ? '' : `?at=${encodeURIComponent(at)}`}`, {
    method: 'GET',
    as,
  });

async function move(name: 'pay' | 'hold', as: Person, amount: string) {
  const { body } = await service.call(name, `/v1/${name}`, { as, body: { amount, to: { username: 'warung_sari' } } });
  return body.data.transaction;
}

/** Waits until the clock shows another millisecond than that of `time`. */
async function after(time: string): Promise<void> {
  while (Date.now() <= Date.parse(time)) await new Promise((resolve) => setImmediate(resolve));
}

test('the wallet now', async () => {
  const ada = await service.openWallet({ balance: '1000.00' });
  const { status, body } = await read(ada);
  expect(status).toBe(200);
  expect(body.data.account).toEqual({
    id: ada.accountId,
    balance: '1000.00',
    available: '1000.00',
    currency: 'IDR',
    status: 'ACTIVE',
    verified: false,
    updated_at: expect.any(String),
    as_of: expect.any(String),
  });
});

test('a time that does not exist, or is before the wallet, is refused', async () => {
  const ada = await service.openWallet();
  for (const at of [
    '2026-02-30T00:00:00Z',
    '0000-01-01T00:00:00Z',
    '0001-01-01T00:00:00Z',
    '2026-01-01T00:00:00+20:00',
  ]) {
    const { status, body } = await read(ada, at);
    expect([at, status, body.errors?.[0].pointer]).toEqual([at, 422, 'query/at']);
  }
});

test('held money is in the balance, but cannot be spent', async () => {
  const ada = await service.openWallet({ balance: '1000.00' });
  await move('hold', ada, '300.00');
  expect((await read(ada)).body.data.account).toMatchObject({ balance: '1000.00', available: '700.00' });
});

test('each moment has its balance: before, at and after a payment, a hold and its capture', async () => {
  const ada = await service.openWallet({ balance: '1000.00' });
  const paid = await move('pay', ada, '100.00');
  await after(paid.updated_at);
  const held = await move('hold', ada, '300.00');
  await after(held.updated_at);
  const { body } = await service.call('capture', '/v1/capture', {
    as: merchant,
    body: { transaction_id: held.operation_id, amount: '200.00' },
  });
  const captured = body.data.transaction;
  await after(captured.updated_at);
  const earlier = (time: string) => new Date(Date.parse(time) - 1).toISOString();
  const moments: [string, string, string][] = [
    [earlier(paid.updated_at), '1000.00', '1000.00'],
    [paid.updated_at, '900.00', '900.00'],
    [earlier(held.updated_at), '900.00', '900.00'],
    [held.updated_at, '900.00', '600.00'],
    [earlier(captured.updated_at), '900.00', '600.00'],
    [captured.updated_at, '700.00', '700.00'],
    [new Date().toISOString(), '700.00', '700.00'],
  ];
  for (const [at, balance, available] of moments) {
    const { account } = (await read(ada, at)).body.data;
    expect(account).toMatchObject({ balance, available, currency: 'IDR', status: null, verified: false, as_of: at });
  }
  const [now, then] = [await read(ada), await read(ada, new Date().toISOString())];
  for (const name of ['balance', 'available', 'updated_at'])
    expect(then.body.data.account[name]).toBe(now.body.data.account[name]);
});

test('a top-up counts from its settlement, not from its request', async () => {
  const { post } = await import('../../../shared/ledger/posting/ledger.ts');
  const ada = await service.openWallet();
  const operationId = newOperationId();
  const times: string[] = [];
  const posted = async (movement: Movement) => {
    await post({
      key: { accountId: ada.accountId, key: randomUUID(), function: 'test', request: '{}' },
      operationId,
      movement,
      record: ({ legs }) => {
        times.push(legs[0]?.updatedAt.toISOString() ?? '');
        return { data: {} };
      },
    });
    await after(times.at(-1) ?? '');
  };
  await posted({
    name: 'open',
    type: 'TOPUP',
    to: ada.accountId,
    amount: parseAmount('50.00'),
    currency: 'IDR',
    paymentMethod: 'GOPAY',
  });
  await posted({
    name: 'settle',
    operationId,
    account: ada.accountId,
    status: 'SUCCESS',
    paid: parseAmount('50.00'),
    clearing: GOPAY_CLEARING,
    suspense: GOPAY_SUSPENSE,
  });
  const [opened = '', settled = ''] = times;
  const balances = await Promise.all(
    [opened, settled].map(async (at) => (await read(ada, at)).body.data.account.balance),
  );
  expect(balances).toEqual(['0.00', '50.00']);
});

test('a zone is understood, and the answer is in UTC', async () => {
  const ada = await service.openWallet({ balance: '1.00' });
  const at = new Date();
  const inJakarta = new Date(at.getTime() + 7 * 3_600_000).toISOString().replace('Z', '+07:00');
  expect((await read(ada, inJakarta)).body.data.account).toMatchObject({ balance: '1.00', as_of: at.toISOString() });
});

test('whether the owner was verified is known for the past, too', async () => {
  const ada = await service.openWallet();
  const before = new Date().toISOString();
  await after(before);
  await service.admin.query('update accounts set verified_at = clock_timestamp() where id = $1', [ada.accountId]);
  expect((await read(ada)).body.data.account.verified).toBe(true);
  expect((await read(ada, before)).body.data.account.verified).toBe(false);
});

test('the wallet exists from the millisecond of its opening, and not before', async () => {
  const ada = await service.openWallet();
  const { rows } = await service.admin.query('select created_at from accounts where id = $1', [ada.accountId]);
  const opened: Date = rows[0].created_at;
  expect((await read(ada, opened.toISOString())).body.data.account).toMatchObject({
    balance: '0.00',
    available: '0.00',
    updated_at: opened.toISOString(),
  });
  const { status, body } = await read(ada, new Date(opened.getTime() - 1).toISOString());
  expect(status).toBe(422);
  expect(body.errors).toEqual([{ pointer: 'query/at', detail: 'must not be before the wallet was opened' }]);
});

const FORM = 'must be a time with a zone, such as 2026-11-20T00:00:00+07:00 (with + written as %2B)';

test.each([
  [new Date(Date.now() + 3_600_000).toISOString(), 'must not be in the future'],
  ['yesterday', FORM],
  ['2026-11-20', FORM],
  ['2026-11-20T00:00:00', FORM],
  ['2026-13-40T00:00:00Z', 'must be a time that exists'],
  ['', FORM],
])('at=%s is refused', async (at, detail) => {
  const ada = await service.openWallet();
  const { status, body } = await read(ada, at);
  expect(status).toBe(422);
  expect(body.errors).toEqual([{ pointer: 'query/at', detail }]);
});

test('an unknown parameter is refused: a misspelt `at` would get the present balance', async () => {
  const ada = await service.openWallet();
  const answer = await service.call('get-account', '/v1/account?at_time=2026-11-20T00:00:00Z', {
    method: 'GET',
    as: ada,
  });
  expect([answer.status, answer.body.errors]).toEqual([
    422,
    [{ pointer: 'query/at_time', detail: 'is not a known field' }],
  ]);
});
