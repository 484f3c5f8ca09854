// What every wallet provider can do for us, in words that belong to none of them. A provider never throws for what a provider may
// answer or fail to answer: each call ends in a named outcome, and `unknown` is one of them, never a kind of failure.

import type { Money } from '../money.ts';

/** Handed on with a call: the caller's trace, and what ends the call early (which makes its outcome `unknown`). */
export interface CallContext {
  traceparent?: string | undefined;
  signal?: AbortSignal | undefined;
}

export interface PaymentRequest {
  /** Ours, at most 64 characters, unique for ever, committed before the call: the same reference never pays twice. */
  reference: string;
  /** Minor units (1/100), more than zero. */
  amount: bigint;
  currency: string;
  /** Where the payer's browser goes after paying. */
  returnUrl: string;
  /** After this moment the provider no longer takes the money. */
  expiresAt: Date;
  /** What the payer reads on the provider's page. */
  description?: string;
}

/** A payment requested earlier. Without the provider's own reference it is found by ours. */
export interface PaymentReference {
  reference: string;
  providerReference?: string | undefined;
}

/** Why nobody can say yet what happened. */
export type UnknownReason =
  | 'timeout'
  | 'network'
  | 'in_progress'
  | 'provider_error'
  | 'too_many_requests'
  | 'malformed_answer'
  | 'duplicate_reference'
  | 'earlier_attempt'
  | 'not_authorized'
  | 'inquiry_refused';

export interface Unknown {
  name: 'unknown';
  reason: UnknownReason;
  /** The provider's own code, when there was one. */
  code?: string;
}

/** The provider has said no, and nothing was moved by this call. */
export interface Refused {
  name: 'refused';
  /** A stable name of the provider's reason, such as `exceeds_transaction_amount_limit`. */
  reason: string;
  code: string;
}

export type PaymentRequestOutcome =
  | { name: 'accepted'; providerReference: string; redirectUrl: string }
  | Refused
  | Unknown;

/** What the provider knows of a payment. Amounts are in minor units. */
export type PaymentState =
  | { name: 'paid'; providerReference: string | undefined; amount: Money; currency: string; paidAt?: Date }
  /** Paid once; some or all of it was given back since. `amount` is what had been paid. */
  | { name: 'refunded'; providerReference: string | undefined; amount: bigint; currency: string; paidAt?: Date }
  | { name: 'pending'; providerReference: string | undefined }
  | { name: 'cancelled'; providerReference: string | undefined }
  | { name: 'failed'; providerReference: string | undefined };

export type InquiryOutcome = PaymentState | { name: 'not_found' } | Unknown;

export type CancelOutcome =
  | { name: 'cancelled' }
  | { name: 'already_paid' }
  | { name: 'already_failed' }
  | { name: 'not_found' }
  | Refused
  | Unknown;

/** A notification as it came over HTTP: names of headers in lower case, the body's bytes untouched. */
export interface NotificationMessage {
  headers: Readonly<Record<string, string | string[] | undefined>>;
  rawBody: Buffer;
  /** Path (and query) the notification was posted to. */
  path: string;
  now: Date;
}

/** A hint, even when its signature is right: ask `inquire` before any money moves. */
export interface PaymentNotification {
  reference: string;
  providerReference: string;
  state: PaymentState['name'] | 'not_found' | 'unknown';
  /** The provider's own word for the state. */
  providerState: string;
  amount?: bigint;
  currency?: string;
  /** The same for every repetition of the same news. */
  deduplicationKey: string;
}

export type NotificationOutcome =
  /** `signed`: its time and signature as they came, which a dispute would need beside the bytes. */
  | { name: 'valid'; notification: PaymentNotification; signed: { at: string; signature: string } }
  | { name: 'invalid'; reason: InvalidNotificationReason };

export type InvalidNotificationReason =
  | 'missing_header'
  | 'stale_timestamp'
  | 'bad_signature'
  | 'malformed_body'
  | 'other_merchant';

/** What has become of a notification here. `unknown_payment`: its signature is right, but we never asked for such a payment. */
export type NotificationEnd =
  | { name: 'kept' }
  | { name: 'unknown_payment' }
  | { name: 'invalid'; reason: InvalidNotificationReason }
  | { name: 'try_again' };

/** What the provider expects to read in answer to a notification. */
export interface NotificationReply {
  status: number;
  headers: Record<string, string>;
  body: string;
}

export interface Provider {
  /** A call is about to come: what it needs besides, such as a token, is asked for already. Nothing becomes of a failure. */
  prepare(): void;
  /**
   * Asks the provider to take a payment. May be repeated with the same reference: it never makes a second payment. `refused` speaks
   * of this call only, so after an `unknown` outcome inquire first. `unknown` must be settled by `inquire` (or `cancel`).
   */
  requestPayment(request: PaymentRequest, context?: CallContext): Promise<PaymentRequestOutcome>;
  /** The provider's word on a payment. `not_found` just after a lost request may still become `pending` when that arrives. */
  inquire(payment: PaymentReference, context?: CallContext): Promise<InquiryOutcome>;
  /**
   * Asks the provider to give a payment up. Only `cancelled` means that it can no longer be paid. Absent without the capability
   * `cancel`: a payment then ends at the provider by itself.
   */
  cancel?(payment: PaymentReference & { reason?: string }, context?: CallContext): Promise<CancelOutcome>;
  verifyNotification(message: NotificationMessage): NotificationOutcome;
  /** The answer to a notification: that it is kept, why it is not, or that it should be sent again. */
  replyToNotification(outcome: NotificationEnd): NotificationReply;
}
