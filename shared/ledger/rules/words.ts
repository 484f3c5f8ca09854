// The words of the ledger: accounts, legs, postings and the outcomes they can have.

import type { Money } from '../../money.ts';
import type { OutboxEvent } from '../../platform/events/event.ts';
import type { PaymentMethod } from '../../providers/providers.ts';

export type TransactionType = 'TOPUP' | 'PAYMENT' | 'REFUND' | 'TRANSFER';
export type TransactionStatus = 'PENDING' | 'SUCCESS' | 'FAILED' | 'CANCELLED';
export type Direction = 'DEBIT' | 'CREDIT';

/** An account as it is under its lock. Amounts are minor units (1/100). */
export interface Account {
  readonly id: string;
  /** Null for system accounts. */
  readonly userId: string | null;
  readonly kind: 'PERSON' | 'MERCHANT' | 'SYSTEM';
  readonly status: 'ACTIVE' | 'SUSPENDED' | 'CLOSED';
  readonly currency: string;
  /** The owner's identity is proven, which raises the limits. */
  readonly verified: boolean;
  readonly balance: bigint;
  /** The sum of its PENDING debits; what is available is the balance without it. */
  readonly held: bigint;
  /** The sum of its PENDING credits. */
  readonly pending: bigint;
  /** What a person was given this month, refunds left out. */
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
  /** JSON text. */
  readonly metadata: string | null;
  /** The operation of the payment that this refund gives back. */
  readonly refundOf: string | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** Who owns the other account of a leg. */
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
  /** Of a hold that is PENDING. */
  readonly expiresAt: Date | null;
}

/** What both legs of a movement say beside its amount. */
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

/** Money goes from one account to another, at once. */
export interface Transfer extends Particulars {
  name: 'transfer';
  from: string;
  to: string;
}

/** A PENDING credit: it moves nothing until it is settled. */
export interface Opening extends Particulars {
  name: 'open';
  to: string;
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
  paid: Money;
  clearing: string;
  suspense: string;
  /** Replaces the leg's external reference, such as the provider's own number. */
  externalReference?: string;
}

/** Sets money aside for a payee: two PENDING legs. It is the payer's, and not available, until it is captured or released. */
export interface Hold extends Particulars {
  name: 'hold';
  from: string;
  to: string;
  /** From the moment that the database decides. */
  expiresInSeconds: number;
}

/** Moves what was held, or a part of it; the rest is the payer's again. */
export interface Capture {
  name: 'capture';
  operationId: string;
  from: string;
  to: string;
  /** Everything that is held, unless told. */
  amount: Money | undefined;
}

/** Ends a hold without moving anything: the payee gives it up, or its time is over. */
export interface Release {
  name: 'release';
  operationId: string;
  from: string;
  to: string;
  why: 'voided' | 'expired';
}

/** Gives a payment back, or a part of it, as an operation of its own. */
export interface Refund {
  name: 'refund';
  /** The operation of the payment. */
  payment: string;
  /** The account that was paid. */
  from: string;
  /** The account that has paid. */
  to: string;
  /** Everything that has not been given back yet, unless told. */
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

/** What a person's wallet may hold and take in, in minor units; a rule that is not in force is absent. */
export type Limits = Readonly<Record<'UNVERIFIED' | 'VERIFIED', Readonly<Partial<Record<LimitRule, bigint>>>>>;

/** What operators have stopped. */
export interface Freezes {
  readonly all: boolean;
  readonly accounts: ReadonlySet<string>;
  readonly functions: ReadonlySet<string>;
}

/** Claimed in the transaction that moves the money. */
export interface Key {
  accountId: string;
  key: string;
  function: string;
  /** The whole request, as JSON text. */
  request: string;
  /** The same as versions before this one write it, whose instances compare the text. */
  legacyRequest?: string;
  /** Pointers to what is not the same in the first request with this key, given its text. Without it the texts are compared. */
  differences?(first: string): string[];
}

/** Everything a posting can end in, in order of precedence: the first that applies is the outcome. */
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
  /** It has come to its end, or is not of the kind that can be ended so. */
  | 'already_settled'
  | 'not_refundable'
  | 'hold_expired'
  | 'capture_too_large'
  | 'refund_too_large'
  | 'insufficient_funds'
  | 'balance_limit'
  | 'incoming_limit'
  | 'balance_too_large'
  /** Done: the legs are written. */
  | 'posted'
  /** Done, but the money went to the suspense account. */
  | 'posted_to_suspense';

/** These say something of the key or of the moment, nothing of the movement: nothing is recorded of them. */
export type Unrecorded = 'key_in_progress' | 'key_reused' | 'frozen';

/** A movement that was looked at and not carried out. */
export type Refusal = Exclude<Outcome, Unrecorded | 'posted' | 'posted_to_suspense'>;

/** Minor units. `accountId`: whose limit it is, where it is an account's. */
export interface Bound {
  readonly value: bigint;
  readonly left: bigint;
  readonly accountId?: string;
}

/** What was decided about one posting, and the legs that say so. */
export interface Decided {
  readonly outcome: Outcome;
  /** Written by this posting: new legs, and for a settlement the changed one. In order of their places. */
  readonly legs: readonly Leg[];
  /** The accounts of the posting by id, as the decision left them. */
  readonly accounts: ReadonlyMap<string, Account>;
  readonly hold?: HeldAmount;
  readonly refund?: RefundTotal;
  /** With a refusal that has a bound: the bound, and what was left below it. */
  readonly bound?: Bound;
  /** With `key_reused`: the request that the key belongs to. */
  readonly first?: { function: string; request: string };
}

/** What is kept with the key, and the events that are committed with the legs. */
export interface Recorded<Data extends object = object> {
  /** Plain data, as JSON has it. Null: the request is still running (a provider is being asked), and the key says so. */
  data: Data | null;
  events?: OutboxEvent[];
}

/** What came of a request; of a key from before there were results, the answer that was written out of it. */
export type Result<Data extends object = object> = { data: Data } | { answer: { status: number; body: string } };

export interface Posting<Data extends object = object> {
  key: Key;
  /** Chosen by the caller, so that a batch that is run again finds out what became of it. */
  operationId: string;
  movement: Movement;
  /** Says what is kept of the decision. It is pure: it may be called again when the batch is run again. */
  record(decided: Decided): Recorded<Data>;
}

/** A key that has been seen before. */
export interface SeenKey {
  function: string;
  request: string;
  operationId: string;
  result: Result | null;
}
