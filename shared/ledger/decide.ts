// The rules of money, and nothing else: a pure function from accounts, seen keys and postings to outcomes, legs and new balances.
// Postings are decided in order of arrival, each against what the earlier ones left; one that is refused leaves no trace.

import { LARGEST_AMOUNT } from '../money.ts';
import { CREDIT_PLACE, DEBIT_PLACE, legId, SUSPENSE_PLACE } from './ids.ts';
import type {
  Account,
  Decided,
  Direction,
  Key,
  Leg,
  Movement,
  Opening,
  Outcome,
  Particulars,
  Posting,
  SeenKey,
  Settlement,
  TransactionStatus,
  Transfer,
} from './posting.ts';

export interface State {
  accounts: ReadonlyMap<string, Account>;
  /** By `keyName`. */
  keys: ReadonlyMap<string, SeenKey>;
  /** The credit legs that settlements are about, by operation. */
  open: ReadonlyMap<string, Leg>;
  /** The database's clock at the start of the batch. It orders nothing. */
  now: Date;
}

/** Decided now, or the repetition of something: of a key seen before, or of an earlier posting of this batch. */
export type Decision = Decided | { repeats: SeenKey } | { repeatsPosting: number };

export interface Decisions {
  decisions: Decision[];
  /** The accounts that changed, by id. */
  accounts: Map<string, Account>;
}

export function keyName(key: Key): string {
  return `${key.accountId}/${key.key}`;
}

/** Decides every posting. Pure: `state` is left as it was. */
export function decide(state: State, postings: readonly Posting[]): Decisions {
  const changed = new Map<string, Account>();
  const settled = new Map<string, Leg>();
  const claimed = new Map<string, number>();

  const ledger: Ledger = {
    now: state.now,
    account: (id) => changed.get(id) ?? state.accounts.get(id),
    open: (operationId) => settled.get(operationId) ?? state.open.get(operationId),
  };

  const decisions = postings.map((posting, index): Decision => {
    const seen = state.keys.get(keyName(posting.key));
    if (seen) return sameRequest(seen, posting.key) ? repeated(seen, posting, ledger) : reused(seen, posting, ledger);
    const earlier = claimed.get(keyName(posting.key));
    if (earlier !== undefined) {
      const { key } = postings[earlier] as Posting;
      return sameRequest(key, posting.key) ? { repeatsPosting: earlier } : reused(key, posting, ledger);
    }
    const result = move(posting.movement, posting.operationId, ledger);
    if (typeof result === 'string') {
      const decided = refused(result, posting, ledger);
      if (isKept(result)) claimed.set(keyName(posting.key), index);
      return decided;
    }
    claimed.set(keyName(posting.key), index);
    for (const account of result.accounts) changed.set(account.id, account);
    for (const leg of result.legs) {
      if (leg.direction === 'CREDIT') settled.set(leg.operationId, leg);
    }
    return { outcome: result.outcome, legs: result.legs, accounts: accountsOf(posting, ledger) };
  });
  return { decisions, accounts: changed };
}

/** Refusals decided under the lock are kept and replayed; what may be otherwise next time (403, 404) is not. */
const KEPT: Readonly<Record<Outcome, boolean>> = {
  key_in_progress: false,
  key_reused: false,
  same_account: true,
  account_not_found: false,
  payee_not_found: false,
  transaction_not_found: false,
  account_closed: false,
  account_suspended: false,
  payee_unavailable: true,
  currency_mismatch: true,
  already_settled: true,
  insufficient_funds: true,
  balance_too_large: true,
  posted: true,
  posted_to_suspense: true,
};

export function isKept(outcome: Outcome): boolean {
  return KEPT[outcome];
}

interface Ledger {
  now: Date;
  account(id: string): Account | undefined;
  open(operationId: string): Leg | undefined;
}

interface Moved {
  outcome: 'posted' | 'posted_to_suspense';
  legs: Leg[];
  accounts: Account[];
}

function sameRequest(
  first: { function: string; request: string },
  second: { function: string; request: string },
): boolean {
  return first.function === second.function && first.request === second.request;
}

function repeated(seen: SeenKey, posting: Posting, ledger: Ledger): Decision {
  // Our own operation: the batch was committed although its answer was lost. Anyone else's without an answer is still running.
  if (seen.answer || seen.operationId === posting.operationId) return { repeats: seen };
  return refused('key_in_progress', posting, ledger);
}

function reused(first: { function: string; request: string }, posting: Posting, ledger: Ledger): Decided {
  return { ...refused('key_reused', posting, ledger), first: { function: first.function, request: first.request } };
}

function refused(outcome: Outcome, posting: Posting, ledger: Ledger): Decided {
  return { outcome, legs: [], accounts: accountsOf(posting, ledger) };
}

function accountsOf(posting: Posting, ledger: Ledger): Map<string, Account> {
  const accounts = new Map<string, Account>();
  for (const id of accountIds(posting.movement)) {
    const account = ledger.account(id);
    if (account) accounts.set(id, account);
  }
  return accounts;
}

/** The accounts that a movement can change; all of them are locked first. */
export function accountIds(movement: Movement): string[] {
  switch (movement.name) {
    case 'transfer':
      return [movement.debit, movement.credit];
    case 'open':
      return [movement.credit];
    case 'settle':
      return [movement.account, movement.clearing, movement.suspense];
  }
}

function move(movement: Movement, operationId: string, ledger: Ledger): Moved | Outcome {
  switch (movement.name) {
    case 'transfer':
      return transfer(movement, operationId, ledger);
    case 'open':
      return open(movement, operationId, ledger);
    case 'settle':
      return settle(movement, ledger);
  }
}

function transfer(movement: Transfer, operationId: string, ledger: Ledger): Moved | Outcome {
  if (movement.debit === movement.credit) return 'same_account';
  const payer = ledger.account(movement.debit);
  const payee = ledger.account(movement.credit);
  if (!payer) return 'account_not_found';
  // One Gate's own accounts are nobody's payees.
  if (!payee || (payee.kind === 'SYSTEM' && payer.kind !== 'SYSTEM')) return 'payee_not_found';
  if (payer.status === 'CLOSED') return 'account_closed';
  if (payer.status === 'SUSPENDED') return 'account_suspended';
  if (payee.status !== 'ACTIVE') return 'payee_unavailable';
  if (payer.currency !== movement.currency || payee.currency !== movement.currency) return 'currency_mismatch';
  if (payer.kind !== 'SYSTEM' && payer.balance < movement.amount) return 'insufficient_funds';
  if (payee.kind !== 'SYSTEM' && payee.balance + movement.amount > LARGEST_AMOUNT) return 'balance_too_large';
  const debit = newLeg(operationId, DEBIT_PLACE, payer, 'DEBIT', 'SUCCESS', movement, payee.id, ledger.now);
  const credit = newLeg(operationId, CREDIT_PLACE, payee, 'CREDIT', 'SUCCESS', movement, payer.id, ledger.now);
  return { outcome: 'posted', legs: [debit, credit], accounts: [after(payer, debit), after(payee, credit)] };
}

function open(movement: Opening, operationId: string, ledger: Ledger): Moved | Outcome {
  const account = ledger.account(movement.credit);
  if (!account) return 'account_not_found';
  if (account.status === 'CLOSED') return 'account_closed';
  if (account.status === 'SUSPENDED') return 'account_suspended';
  if (account.currency !== movement.currency) return 'currency_mismatch';
  if (account.balance + movement.amount > LARGEST_AMOUNT) return 'balance_too_large';
  const credit = newLeg(operationId, CREDIT_PLACE, account, 'CREDIT', 'PENDING', movement, null, ledger.now);
  return { outcome: 'posted', legs: [credit], accounts: [after(account, credit)] };
}

function settle(movement: Settlement, ledger: Ledger): Moved | Outcome {
  const credit = ledger.open(movement.operationId);
  const account = ledger.account(movement.account);
  if (!credit || !account || credit.accountId !== account.id) return 'transaction_not_found';
  if (movement.status !== 'SUCCESS') {
    if (credit.status !== 'PENDING') return 'already_settled';
    const ended = renumbered(credit, account, movement.status, movement, 0n, ledger.now);
    return { outcome: 'posted', legs: [ended], accounts: [after(account, ended)] };
  }
  if (credit.status === 'SUCCESS') return 'already_settled';
  const clearing = ledger.account(movement.clearing);
  const suspense = ledger.account(movement.suspense);
  if (!clearing || !suspense) return 'account_not_found';
  const particulars = { ...particularsOf(credit), amount: movement.paid };
  const fits = movement.paid === credit.amount && account.balance + movement.paid <= LARGEST_AMOUNT;
  const receiver = account.status !== 'CLOSED' && fits ? account : suspense;
  const debit = newLeg(
    movement.operationId,
    DEBIT_PLACE,
    clearing,
    'DEBIT',
    'SUCCESS',
    particulars,
    receiver.id,
    ledger.now,
  );
  if (receiver === account) {
    const paid = renumbered(credit, account, 'SUCCESS', movement, movement.paid, ledger.now);
    return { outcome: 'posted', legs: [debit, paid], accounts: [after(clearing, debit), after(account, paid)] };
  }
  const failed = renumbered(credit, account, 'FAILED', movement, 0n, ledger.now);
  const kept = newLeg(
    movement.operationId,
    SUSPENSE_PLACE,
    suspense,
    'CREDIT',
    'SUCCESS',
    particulars,
    account.id,
    ledger.now,
  );
  return {
    outcome: 'posted_to_suspense',
    legs: [debit, failed, kept],
    accounts: [after(clearing, debit), after(account, failed), after(suspense, kept)],
  };
}

function newLeg(
  operationId: string,
  place: number,
  account: Account,
  direction: Direction,
  status: TransactionStatus,
  particulars: Particulars,
  counterpartyId: string | null,
  now: Date,
): Leg {
  const moved = status !== 'SUCCESS' ? 0n : direction === 'DEBIT' ? -particulars.amount : particulars.amount;
  return {
    id: legId(operationId, place),
    operationId,
    accountId: account.id,
    userId: account.userId,
    legNumber: account.version + 1n,
    type: particulars.type,
    status,
    direction,
    amount: particulars.amount,
    balanceBefore: account.balance,
    balanceAfter: account.balance + moved,
    currency: particulars.currency,
    counterpartyId,
    description: particulars.description ?? null,
    externalReference: particulars.externalReference ?? null,
    paymentMethod: particulars.paymentMethod ?? null,
    metadata: particulars.metadata ?? null,
    createdAt: now,
    updatedAt: now,
  };
}

/** A leg that changes takes a new number: its latest change is what has its place in the account's order. */
function renumbered(
  leg: Leg,
  account: Account,
  status: TransactionStatus,
  by: Settlement,
  moved: bigint,
  now: Date,
): Leg {
  return {
    ...leg,
    status,
    legNumber: account.version + 1n,
    balanceBefore: account.balance,
    balanceAfter: account.balance + moved,
    counterpartyId: by.clearing,
    externalReference: by.externalReference ?? leg.externalReference,
    updatedAt: now,
  };
}

function after(account: Account, leg: Leg): Account {
  return { ...account, balance: leg.balanceAfter, version: leg.legNumber };
}

function particularsOf(leg: Leg): Particulars {
  return {
    type: leg.type,
    amount: leg.amount,
    currency: leg.currency,
    ...(leg.paymentMethod && { paymentMethod: leg.paymentMethod }),
    ...(leg.description !== null && { description: leg.description }),
    ...(leg.externalReference !== null && { externalReference: leg.externalReference }),
  };
}
