// The rules of money, and nothing else: a pure function from accounts, seen keys and postings to outcomes, legs and new balances.
// Postings are decided in order of arrival, each against what the earlier ones left; one that is refused leaves no trace.

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
  /** The legs that movements are about, by id. */
  legs: ReadonlyMap<string, Leg>;
  /** By operation. */
  holds: ReadonlyMap<string, HeldAmount>;
  /** By the payment's operation. */
  refunds: ReadonlyMap<string, RefundTotal>;
  limits: Limits;
  freezes: Freezes;
  /** The database's clock when the locks were had, and no earlier than the last change of any of the accounts. */
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

/** Refusals decided under the lock are kept and replayed; what may be otherwise next time (403, 404) is not. */
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

/** Whether the outcome is about the movement at all. */
export function isRecorded(outcome: Outcome): outcome is Exclude<Outcome, Unrecorded> {
  return outcome !== 'key_in_progress' && outcome !== 'key_reused' && outcome !== 'frozen';
}

/** Whether a request with this key is the first one over again. */
export function sameRequest(first: Pick<Key, 'function' | 'request'>, key: Key): boolean {
  if (first.function !== key.function) return false;
  return first.request === key.request || key.differences?.(first.request).length === 0;
}

function repeated(seen: SeenKey, posting: Posting, books: Books): Decision {
  // Our own operation: the batch was committed although its answer was lost. Anyone else's without a result is still running.
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
