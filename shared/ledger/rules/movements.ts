// The rules of each kind of movement, one function per kind: what it may do and which legs it writes. The checks run in
// the order of the outcomes' precedence.

import { type Money, money } from '../../money.ts';
import { CREDIT_PLACE, DEBIT_PLACE, legId, SUSPENSE_PLACE } from './ids.ts';
import { accountAfter, endedLeg, type NewLeg, newLeg, particularsOf } from './legs.ts';
import { overLargest, overLimit } from './limits.ts';
import type {
  Account,
  Bound,
  Capture,
  HeldAmount,
  Hold,
  Leg,
  Limits,
  Movement,
  Opening,
  Outcome,
  Particulars,
  Refund,
  RefundTotal,
  Release,
  Settlement,
  Transfer,
} from './words.ts';

/** The state for the decision of a movement, after the earlier postings of the batch. */
export interface Books {
  now: Date;
  limits: Limits;
  account(id: string): Account | undefined;
  /** Knows only the legs that movements of the batch name. */
  leg(id: string): Leg | undefined;
  hold(operationId: string): HeldAmount | undefined;
  refunded(operationId: string): RefundTotal | undefined;
}

export interface Moved {
  outcome: 'posted' | 'posted_to_suspense';
  /** In the order of their places. */
  legs: Leg[];
  accounts: Account[];
  hold?: HeldAmount;
  refund?: RefundTotal;
}

export type Refused = { outcome: Exclude<Outcome, Moved['outcome']>; bound?: Bound };

/** The accounts that a movement can change. All of them are locked first. */
export function accountIds(movement: Movement): string[] {
  switch (movement.name) {
    case 'open':
      return [movement.to];
    case 'settle':
      return [movement.account, movement.clearing, movement.suspense];
    default:
      return [movement.from, movement.to];
  }
}

/** The existing legs that a movement names. */
export function legIds(movement: Movement): string[] {
  switch (movement.name) {
    case 'settle':
    case 'capture':
    case 'release':
      return bothLegs(movement.operationId);
    case 'refund':
      return bothLegs(movement.payment);
    default:
      return [];
  }
}

function bothLegs(operationId: string): [string, string] {
  return [legId(operationId, DEBIT_PLACE), legId(operationId, CREDIT_PLACE)];
}

export function carryOut(movement: Movement, operationId: string, books: Books): Moved | Refused {
  switch (movement.name) {
    case 'transfer':
      return transfer(movement, operationId, books);
    case 'open':
      return open(movement, operationId, books);
    case 'settle':
      return settle(movement, books);
    case 'hold':
      return hold(movement, operationId, books);
    case 'capture':
      return capture(movement, books);
    case 'release':
      return release(movement, books);
    case 'refund':
      return refund(movement, operationId, books);
  }
}

interface Parties {
  payer: Account;
  payee: Account;
}

/** The checks of both parties that a payment and a hold share. */
function parties(movement: Transfer | Hold, books: Books): Parties | Refused {
  if (movement.from === movement.to) return refused('same_account');
  const payer = books.account(movement.from);
  const payee = books.account(movement.to);
  if (!payer) return refused('account_not_found');
  // Wallets cannot pay One Gate's own accounts.
  if (!payee || (payee.kind === 'SYSTEM' && payer.kind !== 'SYSTEM')) return refused('payee_not_found');
  if (payer.status === 'CLOSED') return refused('account_closed');
  if (payer.status === 'SUSPENDED') return refused('account_suspended');
  if (payee.status !== 'ACTIVE') return refused('payee_unavailable');
  if (payer.currency !== movement.currency || payee.currency !== movement.currency) return refused('currency_mismatch');
  if (payer.kind !== 'SYSTEM' && available(payer) < movement.amount) return refused('insufficient_funds');
  return overLimit(payee, movement.amount, books.limits) ?? { payer, payee };
}

function transfer(movement: Transfer, operationId: string, books: Books): Moved | Refused {
  const found = parties(movement, books);
  if ('outcome' in found) return found;
  return bothSides({ ...found, operationId, status: 'SUCCESS', particulars: movement, now: books.now });
}

function hold(movement: Hold, operationId: string, books: Books): Moved | Refused {
  const found = parties(movement, books);
  if ('outcome' in found) return found;
  const { now } = books;
  return {
    ...bothSides({ ...found, operationId, status: 'PENDING', particulars: movement, now }),
    hold: {
      operationId,
      payerAccount: found.payer.id,
      amount: movement.amount,
      heldAt: now,
      expiresAt: new Date(now.getTime() + movement.expiresInSeconds * 1000),
      endedAt: null,
      captured: money(0n),
    },
  };
}

/** Writes a debit of the payer and a credit of the payee. */
function bothSides(sides: Parties & Pick<NewLeg, 'operationId' | 'status' | 'particulars' | 'now'>): Moved {
  const { payer, payee, ...common } = sides;
  const debit = newLeg({ ...common, place: DEBIT_PLACE, account: payer, direction: 'DEBIT', counterpartyId: payee.id });
  const credit = newLeg({
    ...common,
    place: CREDIT_PLACE,
    account: payee,
    direction: 'CREDIT',
    counterpartyId: payer.id,
  });
  return {
    outcome: 'posted',
    legs: [debit, credit],
    accounts: [accountAfter(payer, debit), accountAfter(payee, credit)],
  };
}

interface BothLegs extends Parties {
  debit: Leg;
  credit: Leg;
}

/** The two legs of an operation and their accounts. Undefined if the operation is not between these two accounts. */
function findBoth(operationId: string, payerId: string, payeeId: string, books: Books): BothLegs | undefined {
  const [debitId, creditId] = bothLegs(operationId);
  const [debit, credit] = [books.leg(debitId), books.leg(creditId)];
  const [payer, payee] = [books.account(payerId), books.account(payeeId)];
  if (!debit || !credit || !payer || !payee) return undefined;
  return debit.accountId === payerId && credit.accountId === payeeId ? { payer, payee, debit, credit } : undefined;
}

function capture(movement: Capture, books: Books): Moved | Refused {
  const found = findBoth(movement.operationId, movement.from, movement.to, books);
  if (!found) return refused('transaction_not_found');
  // A suspended payee receives nothing. A payer who is suspended meanwhile still owes the hold.
  if (found.payee.status === 'SUSPENDED') return refused('account_suspended');
  const held = books.hold(movement.operationId);
  if (!held || found.debit.status !== 'PENDING') return refused('already_settled');
  if (held.expiresAt <= books.now) return refused('hold_expired');
  const amount = movement.amount ?? held.amount;
  if (amount > held.amount) return refused('capture_too_large', { value: held.amount, left: held.amount });
  return endHold(found, held, 'SUCCESS', amount, books.now);
}

function release(movement: Release, books: Books): Moved | Refused {
  const found = findBoth(movement.operationId, movement.from, movement.to, books);
  if (!found) return refused('transaction_not_found');
  const held = books.hold(movement.operationId);
  if (!held || found.debit.status !== 'PENDING') return refused('already_settled');
  if (movement.why === 'expired' && held.expiresAt > books.now) throw new Error('the hold has not expired yet');
  return endHold(found, held, 'CANCELLED', money(0n), books.now);
}

function endHold(
  { payer, payee, debit, credit }: BothLegs,
  held: HeldAmount,
  status: 'SUCCESS' | 'CANCELLED',
  captured: Money,
  now: Date,
): Moved {
  const changes = status === 'SUCCESS' ? { amount: captured } : {};
  const debited = endedLeg(debit, payer, status, now, changes);
  const credited = endedLeg(credit, payee, status, now, changes);
  return {
    outcome: 'posted',
    legs: [debited, credited],
    accounts: [accountAfter(payer, debited, debit), accountAfter(payee, credited, credit)],
    hold: { ...held, endedAt: now, captured },
  };
}

function refund(movement: Refund, operationId: string, books: Books): Moved | Refused {
  const paid = findBoth(movement.payment, movement.to, movement.from, books);
  if (!paid) return refused('transaction_not_found');
  const { payer: customer, payee: merchant, credit: payment } = paid;
  if (merchant.status === 'CLOSED') return refused('account_closed');
  if (merchant.status === 'SUSPENDED') return refused('account_suspended');
  // A suspended customer still gets the refund, because the money is theirs.
  if (customer.status === 'CLOSED') return refused('payee_unavailable');
  if (payment.type !== 'PAYMENT' || payment.status !== 'SUCCESS') return refused('not_refundable');
  const earlier = books.refunded(movement.payment)?.refunded ?? 0n;
  const left = payment.amount - earlier;
  const amount = movement.amount ?? money(left);
  if (amount > left || left === 0n) return refused('refund_too_large', { value: payment.amount, left });
  if (available(merchant) < amount) return refused('insufficient_funds');
  const over = overLargest(customer, amount);
  if (over) return over;
  const particulars: Particulars = {
    type: 'REFUND',
    amount,
    currency: payment.currency,
    refundOf: movement.payment,
    ...(movement.description !== undefined && { description: movement.description }),
    // The refund carries the payment's reference, so that the merchant finds it by that.
    ...(payment.externalReference !== null && { externalReference: payment.externalReference }),
  };
  return {
    ...bothSides({ payer: merchant, payee: customer, operationId, status: 'SUCCESS', particulars, now: books.now }),
    refund: { operationId: movement.payment, paid: payment.amount, refunded: earlier + amount },
  };
}

function open(movement: Opening, operationId: string, books: Books): Moved | Refused {
  const account = books.account(movement.to);
  if (!account) return refused('account_not_found');
  if (account.status === 'CLOSED') return refused('account_closed');
  if (account.status === 'SUSPENDED') return refused('account_suspended');
  if (account.currency !== movement.currency) return refused('currency_mismatch');
  const over = overLimit(account, movement.amount, books.limits);
  if (over) return over;
  const credit = newLeg({
    operationId,
    place: CREDIT_PLACE,
    account,
    direction: 'CREDIT',
    status: 'PENDING',
    particulars: movement,
    counterpartyId: null,
    now: books.now,
  });
  return { outcome: 'posted', legs: [credit], accounts: [accountAfter(account, credit)] };
}

function settle(movement: Settlement, books: Books): Moved | Refused {
  const credit = books.leg(legId(movement.operationId, CREDIT_PLACE));
  const account = books.account(movement.account);
  if (!credit || !account || credit.accountId !== account.id) return refused('transaction_not_found');
  // A debit exists if the top-up was settled, to the wallet or to suspense, or if this is no top-up: all other
  // operations have a debit from the beginning.
  if (books.leg(legId(movement.operationId, DEBIT_PLACE))) return refused('already_settled');
  const changes = {
    counterpartyId: movement.clearing,
    externalReference: movement.externalReference ?? credit.externalReference,
  };
  const { now } = books;
  if (movement.status !== 'SUCCESS') {
    if (credit.status !== 'PENDING') return refused('already_settled');
    const ended = endedLeg(credit, account, movement.status, now, changes);
    return { outcome: 'posted', legs: [ended], accounts: [accountAfter(account, ended, credit)] };
  }
  const clearing = books.account(movement.clearing);
  const suspense = books.account(movement.suspense);
  if (!clearing || !suspense) return refused('account_not_found');
  // The limits have reserved room for a PENDING top-up. One that had failed or was cancelled needs room now.
  const fits = credit.status === 'PENDING' || !overLimit(account, credit.amount, books.limits);
  const goesToWallet = movement.paid === credit.amount && account.status !== 'CLOSED' && fits;
  const receiver = goesToWallet ? account : suspense;
  const common = {
    operationId: movement.operationId,
    status: 'SUCCESS',
    particulars: { ...particularsOf(credit), amount: movement.paid },
    now,
  } as const;
  const debit = newLeg({
    ...common,
    place: DEBIT_PLACE,
    account: clearing,
    direction: 'DEBIT',
    counterpartyId: receiver.id,
  });
  if (goesToWallet) {
    const paid = endedLeg(credit, account, 'SUCCESS', now, changes);
    return {
      outcome: 'posted',
      legs: [debit, paid],
      accounts: [accountAfter(clearing, debit), accountAfter(account, paid, credit)],
    };
  }
  const failed = endedLeg(credit, account, 'FAILED', now, changes);
  const kept = newLeg({
    ...common,
    place: SUSPENSE_PLACE,
    account: suspense,
    direction: 'CREDIT',
    counterpartyId: account.id,
  });
  return {
    outcome: 'posted_to_suspense',
    legs: [debit, failed, kept],
    accounts: [accountAfter(clearing, debit), accountAfter(account, failed, credit), accountAfter(suspense, kept)],
  };
}

/** The spendable money, without the held money. */
function available(account: Account): bigint {
  return account.balance - account.held;
}

function refused(outcome: Refused['outcome'], bound?: Bound): Refused {
  return bound ? { outcome, bound } : { outcome };
}
