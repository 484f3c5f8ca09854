// The rules of money: a pure function from accounts, seen keys and postings to outcomes, legs and new balances.
// Postings are decided in the order of arrival, each against the state that the earlier ones left. A refused posting
// changes nothing.

import { accountIds, type Books, carryOut } from './movements.ts';
import type {
  Account,
  Bound,
  Decided,
  Freezes,
  HeldAmount,
  Key,
  Leg,
  Limits,
  Outcome,
  Posting,
  RefundTotal,
  SeenKey,
  Unrecorded,
} from './words.ts';

export interface State {
  accounts: ReadonlyMap<string, Account>;
  /** By `keyName`. */
  keys: ReadonlyMap<string, SeenKey>;
  /** The legs that the movements name, by id. */
  legs: ReadonlyMap<string, Leg>;
  /** By operation. */
  holds: ReadonlyMap<string, HeldAmount>;
  /** By the payment's operation. */
  refunds: ReadonlyMap<string, RefundTotal>;
  limits: Limits;
  freezes: Freezes;
  /** The database's clock after the locks were granted, and no earlier than the last change of any of the accounts. */
  now: Date;
}

/** A new decision, or a repetition: of a key seen before, or of an earlier posting of this batch. */
export type Decision = Decided | { repeats: SeenKey } | { repeatsPosting: number };

export interface Decisions {
  decisions: Decision[];
  /** The accounts that changed, by id. */
  accounts: Map<string, Account>;
}

export function keyName(key: Key): string {
  return `${key.accountId}/${key.key}`;
}

/** Decides every posting. Pure: `state` does not change. */
export function decide(state: State, postings: readonly Posting[]): Decisions {
  const changed = new Map<string, Account>();
  const legs = new Map<string, Leg>();
  const holds = new Map<string, HeldAmount>();
  const refunds = new Map<string, RefundTotal>();
  const claimed = new Map<string, number>();

  const books: Books = {
    now: state.now,
    limits: state.limits,
    account: (id) => changed.get(id) ?? state.accounts.get(id),
    leg: (id) => legs.get(id) ?? state.legs.get(id),
    hold: (operationId) => holds.get(operationId) ?? state.holds.get(operationId),
    refunded: (operationId) => refunds.get(operationId) ?? state.refunds.get(operationId),
  };

  const decisions = postings.map((posting, index): Decision => {
    const seen = state.keys.get(keyName(posting.key));
    if (seen) return sameRequest(seen, posting.key) ? repeated(seen, posting, books) : reused(seen, posting, books);
    const earlier = claimed.get(keyName(posting.key));
    if (earlier !== undefined) {
      const { key } = postings[earlier] as Posting;
      return sameRequest(key, posting.key) ? { repeatsPosting: earlier } : reused(key, posting, books);
    }
    if (isFrozen(posting, state.freezes)) return refused('frozen', posting, books);
    const result = carryOut(posting.movement, posting.operationId, books);
    if (isKept(result.outcome)) claimed.set(keyName(posting.key), index);
    if (!('legs' in result)) return refused(result.outcome, posting, books, result.bound);
    const { outcome, accounts, hold, refund } = result;
    for (const account of accounts) changed.set(account.id, account);
    for (const leg of result.legs) legs.set(leg.id, leg);
    if (hold) holds.set(hold.operationId, hold);
    if (refund) refunds.set(refund.operationId, refund);
    return {
      outcome,
      legs: result.legs,
      accounts: accountsOf(posting, books),
      ...(hold && { hold }),
      ...(refund && { refund }),
    };
  });
  return { decisions, accounts: changed };
}

/**
 * A refusal that was decided under the lock is kept and replayed. A refusal that may change by the next time (403, 404)
 * is not.
 */
const KEPT: Readonly<Record<Outcome, boolean>> = {
  key_in_progress: false,
  key_reused: false,
  frozen: false,
  same_account: true,
  account_not_found: false,
  payee_not_found: false,
  transaction_not_found: false,
  account_closed: false,
  account_suspended: false,
  payee_unavailable: true,
  currency_mismatch: true,
  already_settled: true,
  not_refundable: true,
  hold_expired: true,
  capture_too_large: true,
  refund_too_large: true,
  insufficient_funds: true,
  balance_limit: true,
  incoming_limit: true,
  balance_too_large: true,
  posted: true,
  posted_to_suspense: true,
};

export function isKept(outcome: Outcome): boolean {
  return KEPT[outcome];
}

/** Whether the outcome is about the movement. The other outcomes are about the key or a freeze. */
export function isRecorded(outcome: Outcome): outcome is Exclude<Outcome, Unrecorded> {
  return outcome !== 'key_in_progress' && outcome !== 'key_reused' && outcome !== 'frozen';
}

/** Whether this request is a repetition of the first request with its key. */
export function sameRequest(first: Pick<Key, 'function' | 'request'>, key: Key): boolean {
  if (first.function !== key.function) return false;
  return first.request === key.request || key.differences?.(first.request).length === 0;
}

function repeated(seen: SeenKey, posting: Posting, books: Books): Decision {
  // The same operation id means that this batch was committed and its answer was lost. Another operation without a
  // result is still running.
  if (seen.result || seen.operationId === posting.operationId) return { repeats: seen };
  return refused('key_in_progress', posting, books);
}

function reused(first: { function: string; request: string }, posting: Posting, books: Books): Decided {
  return { ...refused('key_reused', posting, books), first: { function: first.function, request: first.request } };
}

function refused(outcome: Outcome, posting: Posting, books: Books, bound?: Bound): Decided {
  return { outcome, legs: [], accounts: accountsOf(posting, books), ...(bound && { bound }) };
}

function isFrozen({ key, movement }: Posting, { all, accounts, functions }: Freezes): boolean {
  if (all || functions.has(key.function)) return true;
  return accounts.size > 0 && [key.accountId, ...accountIds(movement)].some((id) => accounts.has(id));
}

function accountsOf(posting: Posting, books: Books): Map<string, Account> {
  const accounts = new Map<string, Account>();
  for (const id of accountIds(posting.movement)) {
    const account = books.account(id);
    if (account) accounts.set(id, account);
  }
  return accounts;
}
