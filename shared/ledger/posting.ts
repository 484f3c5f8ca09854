// The words of the ledger: accounts, legs, postings and the outcomes they can have.

import type { OutboxEvent } from '../events/event.ts';
import type { KeptAnswer } from '../http/function.ts';

export type TransactionType = 'TOPUP' | 'PAYMENT' | 'REFUND' | 'TRANSFER';
export type TransactionStatus = 'PENDING' | 'SUCCESS' | 'FAILED' | 'CANCELLED';
export type PaymentMethod = 'GOPAY' | 'SHOPEE_PAY';
export type Direction = 'DEBIT' | 'CREDIT';

/** An account as it is under its lock. Amounts are minor units (1/100). */
export interface Account {
  readonly id: string;
  /** Null for system accounts. */
  readonly userId: string | null;
  readonly kind: 'PERSON' | 'MERCHANT' | 'SYSTEM';
  readonly status: 'ACTIVE' | 'SUSPENDED' | 'CLOSED';
  readonly currency: string;
  readonly balance: bigint;
  /** The number of its last leg. */
  readonly version: bigint;
}

export interface Leg {
  readonly id: string;
  readonly operationId: string;
  readonly accountId: string;
  readonly userId: string | null;
  readonly legNumber: bigint;
  readonly type: TransactionType;
  readonly status: TransactionStatus;
  readonly direction: Direction;
  readonly amount: bigint;
  readonly balanceBefore: bigint;
  readonly balanceAfter: bigint;
  readonly currency: string;
  readonly counterpartyId: string | null;
  readonly description: string | null;
  readonly externalReference: string | null;
  readonly paymentMethod: PaymentMethod | null;
  /** JSON text. */
  readonly metadata: string | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** What both legs of a movement say beside its amount. */
export interface Particulars {
  type: TransactionType;
  amount: bigint;
  currency: string;
  paymentMethod?: PaymentMethod;
  description?: string;
  externalReference?: string;
  metadata?: string;
}

/** Money goes from one account to another, at once. */
export interface Transfer extends Particulars {
  name: 'transfer';
  debit: string;
  credit: string;
}

/** A PENDING credit: it moves nothing until it is settled. */
export interface Opening extends Particulars {
  name: 'open';
  credit: string;
}

/**
 * The end of a PENDING credit. SUCCESS moves `paid` from the clearing account to the wallet, or to the suspense account when the
 * wallet is closed or another amount was paid. A FAILED or CANCELLED credit that turns out to be paid is settled all the same.
 */
export interface Settlement {
  name: 'settle';
  operationId: string;
  account: string;
  status: 'SUCCESS' | 'FAILED' | 'CANCELLED';
  paid: bigint;
  clearing: string;
  suspense: string;
  /** Replaces the leg's external reference, such as the provider's own number. */
  externalReference?: string;
}

export type Movement = Transfer | Opening | Settlement;

/** Claimed in the transaction that moves the money. `request` is the whole request as canonical JSON. */
export interface Key {
  accountId: string;
  key: string;
  function: string;
  request: string;
}

/** Everything a posting can end in, in order of precedence: the first that applies is the outcome. */
export type Outcome =
  | 'key_in_progress'
  | 'key_reused'
  | 'same_account'
  | 'account_not_found'
  | 'payee_not_found'
  | 'transaction_not_found'
  | 'account_closed'
  | 'account_suspended'
  | 'payee_unavailable'
  | 'currency_mismatch'
  | 'already_settled'
  | 'insufficient_funds'
  | 'balance_too_large'
  /** Done: the legs are written. */
  | 'posted'
  /** Done, but the money went to the suspense account. */
  | 'posted_to_suspense';

/** What was decided about one posting, and the legs that say so. */
export interface Decided {
  readonly outcome: Outcome;
  /** Written by this posting: new legs, and for a settlement the changed one. In order of their places. */
  readonly legs: readonly Leg[];
  /** The accounts of the posting by id, as the decision left them. */
  readonly accounts: ReadonlyMap<string, Account>;
  /** With `key_reused`: the request that the key belongs to. */
  readonly first?: { function: string; request: string };
}

/** The answer that is kept with the key, and the events that are committed with the legs. */
export interface Response {
  /** Null: the request is still running (a provider is being asked), and the key says so. */
  answer: KeptAnswer | null;
  events?: OutboxEvent[];
}

export interface Posting {
  key: Key;
  /** Chosen by the caller, so that a batch that is run again finds out what became of it. */
  operationId: string;
  movement: Movement;
  /** Makes the answer from the decision. It is pure: it may be called again when the batch is run again. */
  respond(decided: Decided): Response;
}

/** A key that has been seen before. */
export interface SeenKey {
  function: string;
  request: string;
  operationId: string;
  answer: KeptAnswer | null;
}
