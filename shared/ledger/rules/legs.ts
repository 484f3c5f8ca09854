// Makes and changes legs, and applies each to its account.

import { legId } from './ids.ts';
import type { Account, Direction, Leg, Particulars, TransactionStatus } from './words.ts';

export interface NewLeg {
  operationId: string;
  place: number;
  account: Account;
  direction: Direction;
  status: 'PENDING' | 'SUCCESS';
  particulars: Particulars;
  counterpartyId: string | null;
  now: Date;
}

export function newLeg(leg: NewLeg): Leg {
  const { operationId, account, direction, status, particulars, now } = leg;
  return {
    id: legId(operationId, leg.place),
    operationId,
    accountId: account.id,
    userId: account.userId,
    legNumber: account.version + 1n,
    type: particulars.type,
    status,
    direction,
    amount: particulars.amount,
    balanceBefore: account.balance,
    balanceAfter: account.balance + moved(status, direction, particulars.amount),
    currency: particulars.currency,
    counterpartyId: leg.counterpartyId,
    description: particulars.description ?? null,
    externalReference: particulars.externalReference ?? null,
    paymentMethod: particulars.paymentMethod ?? null,
    metadata: particulars.metadata ?? null,
    refundOf: particulars.refundOf ?? null,
    createdAt: now,
    updatedAt: now,
  };
}

/** A PENDING leg gets a new number when it ends, because an account's legs are ordered by their latest change. */
export function endedLeg(
  leg: Leg,
  account: Account,
  status: Exclude<TransactionStatus, 'PENDING'>,
  now: Date,
  changes: Partial<Pick<Leg, 'amount' | 'counterpartyId' | 'externalReference'>> = {},
): Leg {
  const amount = changes.amount ?? leg.amount;
  return {
    ...leg,
    ...changes,
    status,
    legNumber: account.version + 1n,
    balanceBefore: account.balance,
    balanceAfter: account.balance + moved(status, leg.direction, amount),
    updatedAt: now,
  };
}

function moved(status: TransactionStatus, direction: Direction, amount: bigint): bigint {
  if (status !== 'SUCCESS') return 0n;
  return direction === 'DEBIT' ? -amount : amount;
}

/**
 * The account after its new leg. `before` is the earlier state of a leg that was PENDING: its promise is taken back.
 */
export function accountAfter(account: Account, leg: Leg, before?: Leg): Account {
  const promised = (change: Leg | undefined, direction: Direction) =>
    change?.status === 'PENDING' && change.direction === direction ? change.amount : 0n;
  const isIncoming = leg.status === 'SUCCESS' && leg.direction === 'CREDIT' && leg.type !== 'REFUND';
  return {
    ...account,
    balance: leg.balanceAfter,
    version: leg.legNumber,
    held: account.held + promised(leg, 'DEBIT') - promised(before, 'DEBIT'),
    pending: account.pending + promised(leg, 'CREDIT') - promised(before, 'CREDIT'),
    incoming: account.incoming + (isIncoming && account.kind === 'PERSON' ? leg.amount : 0n),
  };
}

export function particularsOf(leg: Leg): Particulars {
  return {
    type: leg.type,
    amount: leg.amount,
    currency: leg.currency,
    ...(leg.paymentMethod && { paymentMethod: leg.paymentMethod }),
    ...(leg.description !== null && { description: leg.description }),
    ...(leg.externalReference !== null && { externalReference: leg.externalReference }),
  };
}
