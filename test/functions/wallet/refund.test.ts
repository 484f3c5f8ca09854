// Refunds of payments: whole, in parts, and never beyond the payment.

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { brokenPromises } from '../../setup/accounts.ts';
import { type Person, serveWallet, type WalletService } from './wallet-service.ts';

let service: WalletService;

beforeAll(async () => {
  service = await serveWallet(async () => [
    (await import('../../../functions/wallet/pay.ts')).default,
    (await import('../../../functions/wallet/transfer.ts')).default,
    (await import('../../../functions/wallet/hold.ts')).default,
    (await import('../../../functions/wallet/refund.ts')).default,
    (await import('../../../functions/wallet/get-account.ts')).default,
    (await import('../../../functions/wallet/list-transactions.ts')).default,
  ]);
});

afterAll(async () => {
  expect(await brokenPromises(service.admin)).toEqual([]);
  await service.close();
});

const refund = (as: Person, transaction_id: string, more: Record<string, unknown> = {}, key?: string) =>
  service.call('refund', '/v1/refund', { as, body: { transaction_id, ...more }, ...(key && { key }) });
const balanceOf = async (as: Person) =>
  (await service.call('get-account', '/v1/account', { method: 'GET', as })).body.data.account.balance;
const setAccount = (person: Person, change: string) =>
  service.admin.query(`update accounts set ${change} where id = $1`, [person.accountId]);

async function paid(amount = '90.00', name = 'pay'): Promise<{ payer: Person; merchant: Person; id: string }> {
  const payer = await service.openWallet({ balance: '100.00' });
  const merchant = await service.openWallet({ type: name === 'transfer' ? 'user' : 'merchant' });
  const body = { amount, to: { account_id: merchant.accountId }, ...(name === 'pay' && { reference: 'INV-9' }) };
  const answer = await service.call(name, `/v1/${name}`, { as: payer, body });
  expect(answer.status).toBe(201);
  return { payer, merchant, id: answer.body.data.transaction.transaction_id };
}

test('a refund is an operation of its own that names the payment', async () => {
  const { payer, merchant, id } = await paid();
  const answer = await refund(merchant, id, { amount: '30', reason: 'no more rice' });
  expect(answer).toMatchObject({ status: 201, body: { outcome: 'succeeded', safe_to_retry: true } });
  const { transaction } = answer.body.data;
  const payment = (
    await service.call('list-transactions', '/v1/transactions?type=PAYMENT', { method: 'GET', as: payer })
  ).body.data[0];
  expect(transaction).toMatchObject({
    transaction_id: `REF-${transaction.id.replaceAll('-', '').toUpperCase()}`,
    type: 'REFUND',
    status: 'SUCCESS',
    direction: 'debit',
    amount: '30.00',
    balance_before: '90.00',
    balance_after: '60.00',
    description: 'no more rice',
    external_reference: 'INV-9',
    refund_of: payment.operation_id,
    counterparty: { account_id: payer.accountId, username: payer.username, type: 'user' },
  });
  expect(transaction.operation_id).not.toBe(payment.operation_id);
  const [received] = (
    await service.call('list-transactions', '/v1/transactions?type=REFUND', { method: 'GET', as: payer })
  ).body.data;
  expect(received).toMatchObject({ direction: 'credit', amount: '30.00', refund_of: payment.operation_id });
  expect([await balanceOf(payer), await balanceOf(merchant)]).toEqual(['40.00', '60.00']);
});

test('without an amount the whole rest is refunded, once', async () => {
  const { payer, merchant, id } = await paid();
  expect((await refund(merchant, id, { amount: '30.00' })).status).toBe(201);
  const rest = await refund(merchant, id);
  expect(rest.body.data.transaction.amount).toBe('60.00');
  expect((await refund(merchant, id)).body).toMatchObject({
    status: 422,
    code: 'refund_too_large',
    limit: { rule: 'paid_amount', value: '90.00', left: '0.00', currency: 'IDR' },
  });
  expect([await balanceOf(payer), await balanceOf(merchant)]).toEqual(['100.00', '0.00']);
});

test('twenty refunds of a third at the same instant: three happen', async () => {
  const { payer, merchant, id } = await paid();
  const answers = await Promise.all(Array.from({ length: 20 }, () => refund(merchant, id, { amount: '30.00' })));
  expect(answers.map(({ status }) => status).sort()).toEqual([201, 201, 201, ...Array(17).fill(422)]);
  expect([await balanceOf(payer), await balanceOf(merchant)]).toEqual(['100.00', '0.00']);
});

test('a refund happens once per key', async () => {
  const { payer, merchant, id } = await paid();
  const answers = await Promise.all(
    Array.from({ length: 5 }, () => refund(merchant, id, { amount: '10.00' }, 'the key')),
  );
  expect(new Set(answers.map(({ body }) => body.data.transaction.id)).size).toBe(1);
  expect(await balanceOf(payer)).toBe('20.00');
  expect((await refund(merchant, id, { amount: '11.00' }, 'the key')).body).toMatchObject({
    status: 422,
    code: 'idempotency_key_reused',
    errors: [{ pointer: '/amount' }],
  });
});

describe('is refused', () => {
  test('to the payer, to a stranger, and of a transfer or a hold', async () => {
    const { payer, id } = await paid();
    expect((await refund(payer, id)).body).toMatchObject({ status: 403, code: 'payee_only' });
    expect((await refund(await service.openWallet(), id)).body.code).toBe('transaction_not_found');
    const transferred = await paid('10.00', 'transfer');
    expect((await refund(transferred.merchant, transferred.id)).body).toMatchObject({
      status: 409,
      code: 'transaction_not_refundable',
    });
    const held = await paid('10.00', 'hold');
    expect((await refund(held.merchant, held.id)).body.code).toBe('transaction_not_refundable');
  });

  test('when the merchant no longer has the money', async () => {
    const { payer, merchant, id } = await paid();
    await service.call('pay', '/v1/pay', {
      as: merchant,
      body: { amount: '1.00', to: { account_id: payer.accountId } },
    });
    expect((await refund(merchant, id)).body).toMatchObject({ status: 402, code: 'insufficient_funds' });
    expect((await refund(merchant, id, { amount: '89.00' })).status).toBe(201);
  });

  test('to a suspended merchant, but not for a suspended payer', async () => {
    const one = await paid();
    await setAccount(one.merchant, "account_status = 'SUSPENDED'");
    expect((await refund(one.merchant, one.id)).body.code).toBe('account_suspended');
    const other = await paid();
    await setAccount(other.payer, "account_status = 'SUSPENDED'");
    expect((await refund(other.merchant, other.id)).status).toBe(201);
    expect(await balanceOf(other.payer)).toBe('100.00');
  });

  test('for a payer whose wallet is closed', async () => {
    const { merchant, id, payer } = await paid();
    await service.call('pay', '/v1/pay', {
      as: payer,
      body: { amount: '10.00', to: { account_id: merchant.accountId } },
    });
    await setAccount(payer, "account_status = 'CLOSED'");
    expect((await refund(merchant, id)).body).toMatchObject({ status: 422, code: 'payee_unavailable' });
  });
});
