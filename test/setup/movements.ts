// Movements of every kind, posted as functions post them, for tests that look at the result.

import { post } from '../../shared/ledger/posting/ledger.ts';
import { newOperationId } from '../../shared/ledger/rules/ids.ts';
import type { Movement, Outcome } from '../../shared/ledger/rules/words.ts';
import { parseAmount } from '../../shared/money.ts';
import { GOPAY_CLEARING, GOPAY_SUSPENSE } from './gopay-accounts.ts';

interface Side {
  accountId: string;
}

export interface PostedMovement {
  operationId: string;
  outcome: Outcome | undefined;
}

/** Under a key of its own. */
export async function postMovement(
  movement: Movement,
  operationId = 'operationId' in movement ? movement.operationId : newOperationId(),
): Promise<PostedMovement> {
  const accountId = movement.name === 'settle' ? movement.clearing : movement.to;
  const { decided } = await post({
    key: { accountId, key: `test ${newOperationId()}`, function: 'test', request: '{}' },
    operationId,
    movement,
    record: ({ outcome }) => ({ data: { outcome } }),
  });
  return { operationId, outcome: decided?.outcome };
}

const between = (from: Side, to: Side) => ({ from: from.accountId, to: to.accountId });
const amountOf = (amount: string) => ({ amount: parseAmount(amount), currency: 'IDR' });

export const pay = (from: Side, to: Side, amount: string) =>
  postMovement({ name: 'transfer', type: 'PAYMENT', ...between(from, to), ...amountOf(amount) });

export const hold = (from: Side, to: Side, amount: string, expiresInSeconds = 3600) =>
  postMovement({ name: 'hold', type: 'PAYMENT', ...between(from, to), ...amountOf(amount), expiresInSeconds });

export const capture = (operationId: string, from: Side, to: Side, amount?: string) =>
  postMovement({
    name: 'capture',
    operationId,
    ...between(from, to),
    amount: amount === undefined ? undefined : parseAmount(amount),
  });

export const giveUp = (operationId: string, from: Side, to: Side) =>
  postMovement({ name: 'release', operationId, ...between(from, to), why: 'voided' });

export const refund = (payment: string, from: Side, to: Side, amount?: string) =>
  postMovement({
    name: 'refund',
    payment,
    ...between(from, to),
    amount: amount === undefined ? undefined : parseAmount(amount),
  });

/** PENDING until it is settled. */
export const openTopup = (to: Side, amount: string) =>
  postMovement({
    name: 'open',
    type: 'TOPUP',
    to: to.accountId,
    ...amountOf(amount),
    paymentMethod: 'GOPAY',
  });

export const settle = (operationId: string, account: Side, status: 'SUCCESS' | 'FAILED', paid = '0.00') =>
  postMovement({
    name: 'settle',
    operationId,
    account: account.accountId,
    status,
    paid: parseAmount(paid),
    clearing: GOPAY_CLEARING,
    suspense: GOPAY_SUSPENSE,
  });
