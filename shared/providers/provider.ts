// The interface of every wallet provider, in neutral terms. A provider does not throw for an answer or for a missing
// one: each call ends in a named outcome. `unknown` is one of them, and never means failure.

import type { Money } from '../money.ts';

/**
 * Passed with a call: the caller's trace, and a signal that ends the call early (which makes its outcome `unknown`).
 */
export interface CallContext {
  traceparent?: string | undefined;
  signal?: AbortSignal | undefined;
}

export interface PaymentRequest {
  /**
   * Our reference, at most 64 characters, unique for ever, committed before the call. The same reference never pays
   * twice.
   */
  reference: string;
  /** Minor units (1/100), more than zero. */
  amount: bigint;
  currency: string;
  /** The payer's browser goes there after paying. */
  returnUrl: string;
  /** After this moment the provider no longer takes the money. */
  expiresAt: Date;
  /** The text on the provider's page. */
  description?: string;
}

/** A payment that was requested earlier. Without the provider's own reference it is found by ours. */
export interface PaymentReference {
  reference: string;
  providerReference?: string | undefined;
}

/** Why the outcome is not known yet. */
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
  /** The provider's own code, if it sent one. */
  code?: string;
}

/** The provider has refused, and this call has moved no money. */
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

/** A payment's state at the provider. Amounts are in minor units. */
export type PaymentState =
  | { name: 'paid'; providerReference: string | undefined; amount: Money; currency: string; paidAt?: Date }
  /** Paid once, and refunded in whole or in part since. `amount` is the paid amount. */
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

/** A notification as it came over HTTP: header names in lower case, the body's bytes unchanged. */
export interface NotificationMessage {
  headers: Readonly<Record<string, string | string[] | undefined>>;
  rawBody: Buffer;
  /** The path (and query) that the notification was posted to. */
  path: string;
  now: Date;
}

/** A hint, even if its signature is right: call `inquire` before any money moves. */
export interface PaymentNotification {
  reference: string;
  providerReference: string;
  state: PaymentState['name'] | 'not_found' | 'unknown';
  /** The provider's own word for the state. */
  providerState: string;
  amount?: bigint;
  currency?: string;
  /** The same for every repetition of the same notification. */
  deduplicationKey: string;
}

export type NotificationOutcome =
  /** `signed`: the time and signature as they came. A dispute needs them beside the bytes. */
  | { name: 'valid'; notification: PaymentNotification; signed: { at: string; signature: string } }
  | { name: 'invalid'; reason: InvalidNotificationReason };

export type InvalidNotificationReason =
  | 'missing_header'
  | 'stale_timestamp'
  | 'bad_signature'
  | 'malformed_body'
  | 'other_merchant';

/** What we did with a notification. `unknown_payment`: its signature is right, but we never asked for this payment. */
export type NotificationEnd =
  | { name: 'kept' }
  | { name: 'unknown_payment' }
  | { name: 'invalid'; reason: InvalidNotificationReason }
  | { name: 'try_again' };

/** The answer that the provider expects to a notification. */
export interface NotificationReply {
  status: number;
  headers: Record<string, string>;
  body: string;
}

export interface Provider {
  /** Prepares for a call that will come soon, for example by asking for a token. Ignores failures. */
  prepare(): void;
  /**
   * Asks the provider to take a payment. May be repeated with the same reference: it never makes a second payment.
   * `refused` is about this call only, so inquire first after an `unknown` outcome. Settle `unknown` by `inquire` (or
   * `cancel`).
   */
  requestPayment(request: PaymentRequest, context?: CallContext): Promise<PaymentRequestOutcome>;
  /**
   * Asks the provider for a payment's state. `not_found` right after a lost request may become `pending` when the
   * request arrives.
   */
  inquire(payment: PaymentReference, context?: CallContext): Promise<InquiryOutcome>;
  /**
   * Asks the provider to cancel a payment. Only `cancelled` means that it can no longer be paid. Absent without the
   * capability `cancel`: such a payment expires at the provider.
   */
  cancel?(payment: PaymentReference & { reason?: string }, context?: CallContext): Promise<CancelOutcome>;
  verifyNotification(message: NotificationMessage): NotificationOutcome;
  /** The answer to a notification: kept, refused with a reason, or to be sent again. */
  replyToNotification(outcome: NotificationEnd): NotificationReply;
}
