// The ledger's rules once more, written from the words of posting.ts and the design and not from the code: slow and
// plain. It keeps only the history; it adds up a balance from that whenever one is needed.

import type { Bound, Limits, Outcome, TransactionType } from '../../../shared/ledger/rules/words.ts';
import type { Planned } from './plan.ts';

const LARGEST = 999_999_999_999_999n;

/** The balance of an account when the model began, and the facts about its owner. Minor units. */
export interface ModelAccount {
  id: string;
  kind: 'PERSON' | 'MERCHANT' | 'SYSTEM';
  status: 'ACTIVE' | 'SUSPENDED' | 'CLOSED';
  currency: string;
  verified: boolean;
  balance: bigint;
  held: bigint;
  pending: bigint;
  incoming: bigint;
  version: bigint;
}

export type Figures = Pick<ModelAccount, 'balance' | 'held' | 'pending' | 'incoming' | 'version'>;

interface Operation {
  kind: 'transfer' | 'hold' | 'topup';
  type: TransactionType;
  /** Undefined for a top-up whose money has not come. */
  from: string | undefined;
  to: string;
  amount: bigint;
  state: 'PENDING' | 'SUCCESS' | 'ENDED';
  refundOf?: string;
  expired?: boolean;
  endedAs?: 'FAILED' | 'CANCELLED';
  /** A top-up's money that lies in another account than the wallet. */
  elsewhere?: { account: string; amount: bigint };
}

interface KeptKey {
  function: string;
  request: string;
  running: boolean;
}

/** `replayed`: the first answer, again. */
export interface Expected {
  outcome: Outcome | 'replayed';
  bound?: Bound;
}

const NOT_KEPT = new Set<Outcome>([
  'account_not_found',
  'payee_not_found',
  'transaction_not_found',
  'account_closed',
  'account_suspended',
]);

/** Results that were decided under the lock are kept with their key; 403, 404 and 5xx are not. */
export function isKeptByRule({ outcome }: Expected): boolean {
  return !NOT_KEPT.has(outcome as Outcome) && !UNDECIDED.has(outcome);
}

const UNDECIDED = new Set<Expected['outcome']>(['replayed', 'key_in_progress', 'key_reused', 'frozen']);

export class Model {
  readonly accounts = new Map<string, ModelAccount>();
  readonly operations = new Map<string, Operation>();
  readonly keys = new Map<string, KeptKey>();
  readonly frozen = { all: false as boolean, accounts: new Set<string>(), functions: new Set<string>() };
  readonly limits: Limits;
  #touched = new Map<string, bigint>();

  constructor(accounts: Iterable<ModelAccount>, limits: Limits) {
    for (const account of accounts) this.accounts.set(account.id, { ...account });
    this.limits = limits;
  }

  /** Decides one operation and remembers its effect. */
  run(planned: Planned): Expected {
    const { key, movement, operationId } = planned;
    const name = `${key.accountId}/${key.key}`;
    const first = this.keys.get(name);
    if (first) {
      if (first.function !== key.function || first.request !== key.request) return { outcome: 'key_reused' };
      return { outcome: first.running ? 'key_in_progress' : 'replayed' };
    }
    if (this.#isFrozen(planned)) return { outcome: 'frozen' };
    const expected = this.#move(movement, operationId);
    if (isKeptByRule(expected)) this.claim(planned, planned.running && expected.outcome === 'posted');
    return expected;
  }

  claim({ key }: Planned, running = false): void {
    this.keys.set(`${key.accountId}/${key.key}`, { function: key.function, request: key.request, running });
  }

  figures(id: string): Figures {
    const account = this.accounts.get(id) as ModelAccount;
    const figures = {
      balance: account.balance,
      held: account.held,
      pending: account.pending,
      incoming: account.incoming,
      version: account.version + (this.#touched.get(id) ?? 0n),
    };
    for (const { kind, type, from, to, amount, state, elsewhere } of this.operations.values()) {
      if (elsewhere) {
        if (from === id) figures.balance -= elsewhere.amount;
        if (elsewhere.account === id) figures.balance += elsewhere.amount;
      } else if (state === 'SUCCESS') {
        if (from === id) figures.balance -= amount;
        if (to === id) figures.balance += amount;
        if (to === id && type !== 'REFUND' && account.kind === 'PERSON') figures.incoming += amount;
      } else if (state === 'PENDING') {
        if (kind === 'hold' && from === id) figures.held += amount;
        if (to === id) figures.pending += amount;
      }
    }
    return figures;
  }

  /** False when the account cannot be closed: it has money or expects some. */
  setStatus(id: string, status: ModelAccount['status']): boolean {
    const { balance, held, pending } = this.figures(id);
    if (status === 'CLOSED' && (balance !== 0n || held !== 0n || pending !== 0n)) return false;
    (this.accounts.get(id) as ModelAccount).status = status;
    return true;
  }

  expire(operationId: string): void {
    const operation = this.operations.get(operationId);
    if (operation?.kind === 'hold') operation.expired = true;
  }

  #isFrozen({ key, movement }: Planned): boolean {
    const concerned = [key.accountId];
    for (const name of ['from', 'to', 'account', 'clearing', 'suspense'] as const) {
      if (name in movement) concerned.push((movement as unknown as Record<typeof name, string>)[name]);
    }
    const { all, accounts, functions } = this.frozen;
    return all || functions.has(key.function) || concerned.some((id) => accounts.has(id));
  }

  #move(movement: Planned['movement'], operationId: string): Expected {
    switch (movement.name) {
      case 'transfer':
      case 'hold': {
        const refusal = this.#refusalOfPayment(movement);
        if (refusal) return refusal;
        const { name: kind, type, from, to, amount } = movement;
        const state = kind === 'hold' ? 'PENDING' : 'SUCCESS';
        return this.#happens(operationId, { kind, type, from, to, amount, state }, from, to);
      }
      case 'open': {
        const { to, amount, type } = movement;
        const account = this.accounts.get(to);
        if (!account) return { outcome: 'account_not_found' };
        if (account.status === 'CLOSED') return { outcome: 'account_closed' };
        if (account.status === 'SUSPENDED') return { outcome: 'account_suspended' };
        if (account.currency !== movement.currency) return { outcome: 'currency_mismatch' };
        const topup = { kind: 'topup', type, from: undefined, to, amount, state: 'PENDING' } as const;
        return this.#noRoom(account, amount) ?? this.#happens(operationId, topup, to);
      }
      case 'settle':
        return this.#settle(movement);
      case 'capture':
        return this.#capture(movement);
      case 'release': {
        const operation = this.#between(movement.operationId, movement.from, movement.to);
        if (!operation) return { outcome: 'transaction_not_found' };
        if (operation.kind !== 'hold' || operation.state !== 'PENDING') return { outcome: 'already_settled' };
        operation.state = 'ENDED';
        return this.#posted(movement.from, movement.to);
      }
      case 'refund':
        return this.#refund(movement, operationId);
    }
  }

  #refusalOfPayment(movement: Extract<Planned['movement'], { name: 'transfer' | 'hold' }>): Expected | undefined {
    const { from, to, amount, currency } = movement;
    const [payer, payee] = [this.accounts.get(from), this.accounts.get(to)];
    if (from === to) return { outcome: 'same_account' };
    if (!payer) return { outcome: 'account_not_found' };
    if (!payee || (payee.kind === 'SYSTEM' && payer.kind !== 'SYSTEM')) return { outcome: 'payee_not_found' };
    if (payer.status === 'CLOSED') return { outcome: 'account_closed' };
    if (payer.status === 'SUSPENDED') return { outcome: 'account_suspended' };
    if (payee.status !== 'ACTIVE') return { outcome: 'payee_unavailable' };
    if (payer.currency !== currency || payee.currency !== currency) return { outcome: 'currency_mismatch' };
    if (payer.kind !== 'SYSTEM' && this.#available(from) < amount) return { outcome: 'insufficient_funds' };
    return this.#noRoom(payee, amount);
  }

  #settle(movement: Extract<Planned['movement'], { name: 'settle' }>): Expected {
    const { operationId, account: id, status, paid, clearing, suspense } = movement;
    const topup = this.operations.get(operationId);
    const account = this.accounts.get(id);
    if (!topup || topup.to !== id || !account) return { outcome: 'transaction_not_found' };
    if (topup.kind !== 'topup' || topup.state === 'SUCCESS' || topup.elsewhere) return { outcome: 'already_settled' };
    if (status !== 'SUCCESS') {
      if (topup.state !== 'PENDING') return { outcome: 'already_settled' };
      Object.assign(topup, { state: 'ENDED', endedAs: status });
      return this.#posted(id);
    }
    const hasRoom = topup.state === 'PENDING' || !this.#noRoom(account, topup.amount);
    topup.from = clearing;
    if (paid === topup.amount && account.status !== 'CLOSED' && hasRoom) {
      topup.state = 'SUCCESS';
      return this.#posted(clearing, id);
    }
    topup.state = 'ENDED';
    topup.elsewhere = { account: suspense, amount: paid };
    return { ...this.#posted(clearing, id, suspense), outcome: 'posted_to_suspense' };
  }

  #capture(movement: Extract<Planned['movement'], { name: 'capture' }>): Expected {
    const hold = this.#between(movement.operationId, movement.from, movement.to);
    if (!hold) return { outcome: 'transaction_not_found' };
    if (this.accounts.get(movement.to)?.status === 'SUSPENDED') return { outcome: 'account_suspended' };
    if (hold.kind !== 'hold' || hold.state !== 'PENDING') return { outcome: 'already_settled' };
    if (hold.expired) return { outcome: 'hold_expired' };
    const amount = movement.amount ?? hold.amount;
    if (amount > hold.amount) return { outcome: 'capture_too_large', bound: { value: hold.amount, left: hold.amount } };
    Object.assign(hold, { state: 'SUCCESS', amount });
    return this.#posted(movement.from, movement.to);
  }

  #refund(movement: Extract<Planned['movement'], { name: 'refund' }>, operationId: string): Expected {
    const { payment: refundOf, from, to } = movement;
    const payment = this.#between(refundOf, to, from);
    const [merchant, customer] = [this.accounts.get(from), this.accounts.get(to)];
    if (!payment || !merchant || !customer) return { outcome: 'transaction_not_found' };
    if (merchant.status === 'CLOSED') return { outcome: 'account_closed' };
    if (merchant.status === 'SUSPENDED') return { outcome: 'account_suspended' };
    if (customer.status === 'CLOSED') return { outcome: 'payee_unavailable' };
    if (payment.type !== 'PAYMENT' || payment.state !== 'SUCCESS') return { outcome: 'not_refundable' };
    const earlier = [...this.operations.values()].filter((each) => each.refundOf === refundOf);
    const left = earlier.reduce((rest, each) => rest - each.amount, payment.amount);
    const amount = movement.amount ?? left;
    if (left === 0n || amount > left) return { outcome: 'refund_too_large', bound: { value: payment.amount, left } };
    if (this.#available(from) < amount) return { outcome: 'insufficient_funds' };
    const refund = { kind: 'transfer', type: 'REFUND', from, to, amount, state: 'SUCCESS', refundOf } as const;
    return this.#aboveLargest(customer, amount) ?? this.#happens(operationId, refund, from, to);
  }

  /** An operation with a leg on either side. A top-up has the second one when its money has come. */
  #between(operationId: string, from: string, to: string): Operation | undefined {
    const operation = this.operations.get(operationId);
    return operation?.from === from && operation.to === to ? operation : undefined;
  }

  #available(id: string): bigint {
    const { balance, held } = this.figures(id);
    return balance - held;
  }

  #noRoom({ id, kind, verified }: ModelAccount, amount: bigint): Expected | undefined {
    const account = this.accounts.get(id) as ModelAccount;
    if (kind === 'PERSON') {
      const { balance, pending, incoming } = this.figures(id);
      const { BALANCE, MONTHLY_INCOMING } = this.limits[verified ? 'VERIFIED' : 'UNVERIFIED'];
      const rules = [
        ['balance_limit', BALANCE, balance + pending],
        ['incoming_limit', MONTHLY_INCOMING, incoming + pending],
      ] as const;
      for (const [outcome, value, used] of rules) {
        if (value !== undefined && used + amount > value) return { outcome, bound: bound(value, used, id) };
      }
    }
    return this.#aboveLargest(account, amount);
  }

  #aboveLargest({ id, kind }: ModelAccount, amount: bigint): Expected | undefined {
    const { balance, pending } = this.figures(id);
    if (kind === 'SYSTEM' || balance + pending + amount <= LARGEST) return undefined;
    return { outcome: 'balance_too_large', bound: bound(LARGEST, balance + pending, id) };
  }

  #happens(operationId: string, operation: Operation, ...touched: string[]): Expected {
    this.operations.set(operationId, operation);
    return this.#posted(...touched);
  }

  #posted(...touched: string[]): Expected {
    for (const id of touched) this.#touched.set(id, (this.#touched.get(id) ?? 0n) + 1n);
    return { outcome: 'posted' };
  }
}

function bound(value: bigint, used: bigint, accountId: string): Bound {
  return { value, left: used < value ? value - used : 0n, accountId };
}
