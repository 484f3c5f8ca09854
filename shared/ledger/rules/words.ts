// The terms of the ledger: accounts, legs, postings and their outcomes.

import type { Money } from '../../money.ts';
import type { OutboxEvent } from '../../platform/events/event.ts';
import type { PaymentMethod } from '../../providers/providers.ts';

export type TransactionType = 'TOPUP' | 'PAYMENT' | 'REFUND' | 'TRANSFER';
export type TransactionStatus = 'PENDING' | 'SUCCESS' | 'FAILED' | 'CANCELLED';
export type Direction = 'DEBIT' | 'CREDIT';

/** An account, read under its lock. Amounts are minor units (1/100). */
export interface Account {
  readonly id: string;
  /** Null for system accounts. */
  readonly userId: string | null;
  readonly kind: 'PERSON' | 'MERCHANT' | 'SYSTEM';
  readonly status: 'ACTIVE' | 'SUSPENDED' | 'CLOSED';
  readonly currency: string;
  /** True if the owner's identity is proven, which raises the limits. */
  readonly verified: boolean;
  readonly balance: bigint;
  /** The sum of its PENDING debits. The available money is the balance without it. */
  readonly held: bigint;
  /** The sum of its PENDING credits. */
  readonly pending: bigint;
  /** The money that a person received this month, without refunds. */
  readonly incoming: bigint;
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
  readonly amount: Money;
  readonly balanceBefore: bigint;
  readonly balanceAfter: bigint;
  readonly currency: string;
  readonly counterpartyId: string | null;
  readonly description: string | null;
  readonly externalReference: string | null;
  readonly paymentMethod: PaymentMethod | null;
  /** Metadata as JSON text. */
  readonly metadata: string | null;
  /** The operation of the payment that this leg refunds. */
  readonly refundOf: string | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** The owner of the other account of a movement. */
export interface Counterparty {
  readonly accountId: string;
  /** Null for system accounts. */
  readonly username: string | null;
  readonly type: 'user' | 'merchant' | 'system';
}

/** A leg as the owner of its account sees it. */
export interface OwnLeg {
  readonly leg: Leg;
  readonly counterparty: Counterparty | null;
  /** The expiry of a PENDING hold. */
  readonly expiresAt: Date | null;
}

/** Details that both legs of a movement carry beside its amount. */
export interface Particulars {
  type: TransactionType;
  amount: Money;
  currency: string;
  paymentMethod?: PaymentMethod;
  description?: string;
  externalReference?: string;
  metadata?: string;
  refundOf?: string;
}

/** Moves money from one account to another, at once. */
export interface Transfer extends Particulars {
  name: 'transfer';
  from: string;
  to: string;
}

/** A PENDING credit. It moves no money until it is settled. */
export interface Opening extends Particulars {
  name: 'open';
  to: string;
}

/**
 * The end of a PENDING credit. SUCCESS moves `paid` from the clearing account to the wallet, or to the suspense account
 * if the wallet is closed or the paid amount differs. A FAILED or CANCELLED credit can still be settled if it turns out
 * to be paid.
 */
export interface Settlement {
  name: 'settle';
  operationId: string;
  account: string;
  status: 'SUCCESS' | 'FAILED' | 'CANCELLED';
  paid: Money;
  clearing: string;
  suspense: string;
  /** Replaces the leg's external reference, such as the provider's own number. */
  externalReference?: string;
}

/**
 * Sets money aside for a payee with two PENDING legs. The money stays the payer's, but is not available until the hold
 * is captured or released.
 */
export interface Hold extends Particulars {
  name: 'hold';
  from: string;
  to: string;
  /** Counted from the moment of the database's decision. */
  expiresInSeconds: number;
}

/** Moves the held money or a part of it. The payer can spend the rest again. */
export interface Capture {
  name: 'capture';
  operationId: string;
  from: string;
  to: string;
  /** The default is the whole hold. */
  amount: Money | undefined;
}

/** Ends a hold without moving money: the payee voids it, or it has expired. */
export interface Release {
  name: 'release';
  operationId: string;
  from: string;
  to: string;
  why: 'voided' | 'expired';
}

/** Gives a payment or a part of it back, as an operation of its own. */
export interface Refund {
  name: 'refund';
  /** The operation of the payment. */
  payment: string;
  /** The payee of the payment. */
  from: string;
  /** The payer of the payment. */
  to: string;
  /** The default is the whole rest of the payment. */
  amount: Money | undefined;
  description?: string;
}

export type Movement = Transfer | Opening | Settlement | Hold | Capture | Release | Refund;

/** A row of `holds`. */
export interface HeldAmount {
  readonly operationId: string;
  readonly payerAccount: string;
  readonly amount: Money;
  readonly heldAt: Date;
  readonly expiresAt: Date;
  readonly endedAt: Date | null;
  readonly captured: Money;
}

/** A row of `refunded_payments`. */
export interface RefundTotal {
  readonly operationId: string;
  readonly paid: bigint;
  readonly refunded: bigint;
}

export type LimitRule = 'BALANCE' | 'MONTHLY_INCOMING';

/** How much a person's wallet may hold and receive, in minor units. A rule that is not in force is absent. */
export type Limits = Readonly<Record<'UNVERIFIED' | 'VERIFIED', Readonly<Partial<Record<LimitRule, bigint>>>>>;

/** The freezes of operators. */
export interface Freezes {
  readonly all: boolean;
  readonly accounts: ReadonlySet<string>;
  readonly functions: ReadonlySet<string>;
}

/** An idempotency key. It is claimed in the transaction that moves the money. */
export interface Key {
  accountId: string;
  key: string;
  function: string;
  /** The whole request, as JSON text. */
  request: string;
  /** The request in the form that older versions of One Gate write. Their instances compare this text. */
  legacyRequest?: string;
  /**
   * Compares with the text of the first request with this key. Returns pointers to the differences. Without it the
   * texts are compared.
   */
  differences?(first: string): string[];
}

/** All outcomes of a posting in order of precedence: the first that applies is the outcome. */
export type Outcome =
  | 'key_in_progress'
  | 'key_reused'
  | 'frozen'
  | 'same_account'
  | 'account_not_found'
  | 'payee_not_found'
  | 'transaction_not_found'
  | 'account_closed'
  | 'account_suspended'
  | 'payee_unavailable'
  | 'currency_mismatch'
  /** It has ended, or its kind cannot end in this way. */
  | 'already_settled'
  | 'not_refundable'
  | 'hold_expired'
  | 'capture_too_large'
  | 'refund_too_large'
  | 'insufficient_funds'
  | 'balance_limit'
  | 'incoming_limit'
  | 'balance_too_large'
  /** The legs are written. */
  | 'posted'
  /** The legs are written, but the money went to the suspense account. */
  | 'posted_to_suspense';

/** Outcomes about the key or the moment, not about the movement. They are not recorded. */
export type Unrecorded = 'key_in_progress' | 'key_reused' | 'frozen';

/** The outcomes of a movement that the rules refuse. */
export type Refusal = Exclude<Outcome, Unrecorded | 'posted' | 'posted_to_suspense'>;

/** In minor units. `accountId` is the account whose limit it is, if the limit belongs to an account. */
export interface Bound {
  readonly value: bigint;
  readonly left: bigint;
  readonly accountId?: string;
}

/** The decision about one posting, and its legs. */
export interface Decided {
  readonly outcome: Outcome;
  /** Legs that this posting writes: new ones, and for a settlement the changed one. In the order of their places. */
  readonly legs: readonly Leg[];
  /** The posting's accounts by id, after the decision. */
  readonly accounts: ReadonlyMap<string, Account>;
  readonly hold?: HeldAmount;
  readonly refund?: RefundTotal;
  /** Present with a refusal that has a bound: the bound, and what was left below it. */
  readonly bound?: Bound;
  /** Present with `key_reused`: the request that the key belongs to. */
  readonly first?: { function: string; request: string };
}

/** The data that is kept with the key, and the events that are committed with the legs. */
export interface Recorded<Data extends object = object> {
  /** Plain JSON data. Null: the request is still running (a provider is being asked). */
  data: Data | null;
  events?: OutboxEvent[];
}

/** The result of a request. A key from before results holds the answer itself. */
export type Result<Data extends object = object> = { data: Data } | { answer: { status: number; body: string } };

export interface Posting<Data extends object = object> {
  key: Key;
  /** The caller chooses it, so that a repeated batch recognises its own commit. */
  operationId: string;
  movement: Movement;
  /** Returns what to keep of the decision. It is pure, because a repeated batch calls it again. */
  record(decided: Decided): Recorded<Data>;
}

/** A key that has been seen before. */
export interface SeenKey {
  function: string;
  request: string;
  operationId: string;
  result: Result | null;
}
