// Held money, and its three ends: captured by the payee, voided by the payee, or expired.

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { brokenPromises } from '../../setup/accounts.ts';
import { type Person, serveWallet, type WalletService } from './wallet-service.ts';

let service: WalletService;
let merchant: Person;

beforeAll(async () => {
  service = await serveWallet(async () => [
    (await import('../../../functions/wallet/hold.ts')).default,
    (await import('../../../functions/wallet/capture.ts')).default,
    (await import('../../../functions/wallet/void.ts')).default,
    (await import('../../../functions/wallet/pay.ts')).default,
    (await import('../../../functions/wallet/get-account.ts')).default,
    (await import('../../../functions/wallet/get-transaction.ts')).default,
    (await import('../../../functions/wallet/list-transactions.ts')).default,
  ]);
  merchant = await service.openWallet({ type: 'merchant' });
});

afterAll(async () => {
  expect(await brokenPromises(service.admin)).toEqual([]);
  await service.close();
});

type Body = Record<string, unknown>;
const to = () => ({ account_id: merchant.accountId });
const hold = (as: Person, more: Body = {}, key?: string) =>
  service.call('hold', '/v1/hold', { as, body: { amount: '60.00', to: to(), ...more }, ...(key && { key }) });
const capture = (transactionId: string, more: Body = {}, as = merchant, key?: string) =>
  service.call('capture', '/v1/capture', { as, body: { transaction_id: transactionId, ...more }, ...(key && { key }) });
const giveUp = (transactionId: string, as = merchant, key?: string) =>
  service.call('void', '/v1/void', { as, body: { transaction_id: transactionId }, ...(key && { key }) });
const account = async (as: Person) =>
  (await service.call('get-account', '/v1/account', { method: 'GET', as })).body.data.account;
const transaction = async (as: Person, id: string) =>
  (await service.call('get-transaction', `/v1/transactions/${id}`, { method: 'GET', as })).body.data.transaction;

async function held(amount = '60.00'): Promise<{ payer: Person; id: string }> {
  const payer = await service.openWallet({ balance: '100.00' });
  const answer = await hold(payer, { amount });
  expect(answer.status).toBe(201);
  return { payer, id: answer.body.data.transaction.transaction_id };
}

/** Puts the end of its time into the past. */
const expire = (id: string) =>
  service.admin.query(
    `update holds set held_at = now() - interval '2 hours', expires_at = now() - interval '1 hour'
      where operation_id = (select operation_id from historical_transactions where transaction_id = $1)`,
    [id],
  );

test('held money is not available, has not moved, and both sides see it', async () => {
  const payer = await service.openWallet({ balance: '100.00' });
  const body = { reference: 'ROOM-12', description: 'deposit', metadata: { room: '12' }, expires_in: 3_600 };
  const answer = await hold(payer, body);
  expect(answer).toMatchObject({ status: 201, body: { outcome: 'succeeded', safe_to_retry: true } });
  const { transaction: own } = answer.body.data;
  expect(own).toMatchObject({
    type: 'PAYMENT',
    status: 'PENDING',
    direction: 'debit',
    amount: '60.00',
    balance_before: '100.00',
    balance_after: '100.00',
    external_reference: 'ROOM-12',
    counterparty: { account_id: merchant.accountId, type: 'merchant' },
  });
  expect(Date.parse(own.expires_at) - Date.parse(own.created_at)).toBe(3_600_000);
  expect(await account(payer)).toMatchObject({ balance: '100.00', available: '40.00' });
  expect(await transaction(payer, own.id)).toEqual(own);
  expect(await transaction(merchant, own.operation_id)).toMatchObject({
    status: 'PENDING',
    direction: 'credit',
    amount: '60.00',
    expires_at: own.expires_at,
    counterparty: { account_id: payer.accountId, username: payer.username },
  });
  const tooMuch = await service.call('pay', '/v1/pay', { as: payer, body: { amount: '40.01', to: to() } });
  expect([tooMuch.status, tooMuch.body.code]).toEqual([402, 'insufficient_funds']);
  expect((await hold(payer, { amount: '40.01' })).body.code).toBe('insufficient_funds');
  expect((await hold(payer, { amount: '40.00' })).status).toBe(201);
});

test('a hold lasts seven days unless given, and between a minute and thirty days', async () => {
  const payer = await service.openWallet({ balance: '100.00' });
  const { created_at, expires_at } = (await hold(payer)).body.data.transaction;
  expect(Date.parse(expires_at) - Date.parse(created_at)).toBe(7 * 86_400_000);
  for (const expires_in of [59, 2_592_001, 60.5, '60', null]) {
    expect((await hold(payer, { expires_in })).body).toMatchObject({
      status: 422,
      errors: [{ pointer: '/expires_in' }],
    });
  }
});

test.each([
  [undefined, '60.00', '40.00'],
  ['60', '60.00', '40.00'],
  ['0.01', '0.01', '99.99'],
])('a capture of %s moves %s, and the rest is available again', async (amount, moved, left) => {
  const { payer, id } = await held();
  const before = Number((await account(merchant)).balance);
  const answer = await capture(id, amount === undefined ? {} : { amount });
  expect(answer.status).toBe(201);
  expect(answer.body.data.transaction).toMatchObject({
    type: 'PAYMENT',
    status: 'SUCCESS',
    direction: 'credit',
    amount: moved,
    expires_at: null,
    counterparty: { account_id: payer.accountId, username: payer.username, type: 'user' },
  });
  expect(await account(payer)).toMatchObject({ balance: left, available: left });
  expect(Number((await account(merchant)).balance)).toBeCloseTo(before + Number(moved), 2);
  expect(await transaction(payer, id)).toMatchObject({ status: 'SUCCESS', amount: moved, balance_after: left });
  expect((await capture(id)).body.code).toBe('transaction_not_pending');
  expect((await giveUp(id)).body.code).toBe('transaction_not_pending');
});

test('a void moves nothing and makes the money available', async () => {
  const { payer, id } = await held();
  const answer = await giveUp(id);
  expect(answer.status).toBe(201);
  expect(answer.body.data.transaction).toMatchObject({ status: 'CANCELLED', direction: 'credit', amount: '60.00' });
  expect(await account(payer)).toMatchObject({ balance: '100.00', available: '100.00' });
  expect((await capture(id)).body.code).toBe('transaction_not_pending');
});

describe('is refused', () => {
  test('a capture beyond the held amount, which the answer names', async () => {
    const { payer, id } = await held();
    expect((await capture(id, { amount: '60.01' })).body).toMatchObject({
      status: 422,
      code: 'capture_too_large',
      outcome: 'failed',
      limit: { rule: 'held_amount', value: '60.00', left: '60.00', currency: 'IDR' },
    });
    expect(await account(payer)).toMatchObject({ available: '40.00' });
  });

  test('a capture after its time, though the schedule has not ended the hold yet', async () => {
    const { id } = await held();
    await expire(id);
    expect((await capture(id)).body).toMatchObject({ status: 409, code: 'hold_expired' });
    expect((await giveUp(id)).status).toBe(201);
  });

  test.each(['capture', 'void'])(
    '%s by the payer, by a stranger, of an unknown operation, and of a payment',
    async (name) => {
      const { payer, id } = await held();
      const stranger = await service.openWallet();
      const paid = await service.call('pay', '/v1/pay', { as: payer, body: { amount: '1.00', to: to() } });
      const end = async (as: Person, transaction_id: string) => {
        const { status, body } = await service.call(name, `/v1/${name}`, { as, body: { transaction_id } });
        return [status, body.code];
      };
      expect(await end(payer, id)).toEqual([403, 'payee_only']);
      expect(await end(stranger, id)).toEqual([404, 'transaction_not_found']);
      expect(await end(merchant, 'PAY-nothing')).toEqual([404, 'transaction_not_found']);
      expect(await end(merchant, paid.body.data.transaction.id)).toEqual([409, 'transaction_not_pending']);
    },
  );

  test('a hold by or for an account that may not move money', async () => {
    const suspended = await service.openWallet({ balance: '100.00', status: 'SUSPENDED' });
    expect((await hold(suspended)).body.code).toBe('account_suspended');
    const payer = await service.openWallet({ balance: '100.00' });
    expect((await hold(payer, { to: { account_id: payer.accountId } })).body.code).toBe('cannot_pay_yourself');
    expect((await hold(payer, { to: { account_id: suspended.accountId } })).body.code).toBe('payee_unavailable');
  });
});

test('each request has one effect, however often it comes', async () => {
  const payer = await service.openWallet({ balance: '100.00' });
  const holds = await Promise.all(Array.from({ length: 5 }, () => hold(payer, {}, 'the hold')));
  const ids = new Set(holds.map(({ body }) => body.data.transaction.id));
  expect(ids.size).toBe(1);
  const [id] = [...ids] as [string];
  const captures = await Promise.all(Array.from({ length: 5 }, () => capture(id, {}, merchant, `capture ${id}`)));
  expect(captures.map(({ status }) => status)).toEqual(Array(5).fill(201));
  expect(captures.filter(({ headers }) => headers.get('idempotent-replayed') === 'true')).toHaveLength(4);
  const later = await capture(id, {}, merchant, `capture ${id}`);
  expect(later.headers.get('idempotent-replayed')).toBe('true');
  expect(later.body.data).toEqual(captures[0]?.body.data);
  expect(await account(payer)).toMatchObject({ balance: '40.00', available: '40.00' });
});

test('of a capture and a void at the same instant, one happens', async () => {
  for (let round = 0; round < 10; round++) {
    const { payer, id } = await held();
    const [captured, voided] = await Promise.all([capture(id), giveUp(id)]);
    expect([captured.status, voided.status].sort()).toEqual([201, 409]);
    const balance = captured.status === 201 ? '40.00' : '100.00';
    expect(await account(payer)).toMatchObject({ balance, available: balance });
  }
});

test('every step is an event of its own', async () => {
  const { id } = await held();
  await capture(id);
  const { id: other } = await held();
  await giveUp(other);
  const { rows } = await service.admin.query(
    `select type, data::json ->> 'status' as status from outbox
      where subject in (select operation_id::text from historical_transactions where transaction_id = any($1)) order by created_at`,
    [[id, other]],
  );
  expect(rows).toEqual([
    { type: 'one-gate.payment.held', status: 'PENDING' },
    { type: 'one-gate.payment.succeeded', status: 'SUCCESS' },
    { type: 'one-gate.payment.held', status: 'PENDING' },
    { type: 'one-gate.payment.voided', status: 'CANCELLED' },
  ]);
});
