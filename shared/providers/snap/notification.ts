// Notifications of SNAP BI (service 56): the provider posts a payment's state, signed with its own key.

import type { KeyObject } from 'node:crypto';
import * as v from 'valibot';
import type {
  InvalidNotificationReason,
  NotificationEnd,
  NotificationMessage,
  NotificationOutcome,
  NotificationReply,
  PaymentNotification,
} from '../provider.ts';
import { NOTIFY_PATH, NotificationSchema } from './notification-message.ts';
import { isNotificationSigned } from './signatures.ts';
import { isWithin, parseSnapTimestamp, snapTimestamp } from './timestamp.ts';
import { paymentStateOf } from './transaction-status.ts';

export interface NotificationCheck {
  /** The provider's public key. */
  publicKey: KeyObject;
  merchantId: string;
  /** The greatest difference between the notification's time and our clock. */
  windowMs: number;
}

export function verifySnapNotification(check: NotificationCheck, message: NotificationMessage): NotificationOutcome {
  const timestamp = header(message, 'x-timestamp');
  const signature = header(message, 'x-signature');
  if (!timestamp || !signature) return invalid('missing_header');
  const time = parseSnapTimestamp(timestamp);
  if (!time || !isWithin(time, message.now, check.windowMs)) return invalid('stale_timestamp');
  const { rawBody } = message;
  const paths = [NOTIFY_PATH, message.path];
  if (!isNotificationSigned(check.publicKey, { method: 'POST', paths, rawBody, timestamp, signature })) {
    return invalid('bad_signature');
  }
  const body = parse(rawBody);
  if (!body) return invalid('malformed_body');
  if (body.merchantId !== undefined && body.merchantId !== check.merchantId) return invalid('other_merchant');
  return { name: 'valid', notification: notificationOf(body), signed: { at: timestamp, signature } };
}

function header(message: NotificationMessage, name: string): string | undefined {
  const value = message.headers[name];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function parse(rawBody: Buffer): v.InferOutput<typeof NotificationSchema> | undefined {
  try {
    const parsed = v.safeParse(NotificationSchema, JSON.parse(rawBody.toString('utf8')));
    return parsed.success ? parsed.output : undefined;
  } catch {
    return undefined;
  }
}

function notificationOf(body: v.InferOutput<typeof NotificationSchema>): PaymentNotification {
  const status = body.latestTransactionStatus;
  const refunds = body.additionalInfo?.refundHistory ?? [];
  const lastRefund = refunds.at(-1);
  // Each refund needs its own key, although the payment's status stays the same.
  const refundKey = lastRefund
    ? `:${refunds.length}:${lastRefund.refundNo ?? lastRefund.partnerReferenceNo ?? ''}`
    : '';
  return {
    reference: body.originalPartnerReferenceNo,
    providerReference: body.originalReferenceNo,
    state: paymentStateOf(status),
    providerState: status,
    ...body.amount,
    deduplicationKey: `${body.originalReferenceNo}:${status}${refundKey}`.slice(0, 200),
  };
}

function invalid(reason: InvalidNotificationReason): NotificationOutcome {
  return { name: 'invalid', reason };
}

const REFUSALS = {
  missing_header: [400, '4005602', 'Invalid Mandatory Field {X-TIMESTAMP, X-SIGNATURE}'],
  stale_timestamp: [401, '4015600', 'Unauthorized. [Timestamp]'],
  bad_signature: [401, '4015600', 'Unauthorized. [Signature]'],
  malformed_body: [400, '4005600', 'Bad Request'],
  other_merchant: [404, '4045608', 'Invalid Merchant'],
} satisfies Record<InvalidNotificationReason, [number, string, string]>;

export function snapNotificationReply(outcome: NotificationEnd, now: Date): NotificationReply {
  if (outcome.name === 'kept') return reply(200, '2005600', 'Successful', now);
  if (outcome.name === 'unknown_payment') return reply(404, '4045601', 'Transaction Not Found', now);
  if (outcome.name === 'try_again') return reply(500, '5005600', 'General Error', now);
  const [status, code, text] = REFUSALS[outcome.reason];
  return reply(status, code, text, now);
}

function reply(status: number, responseCode: string, responseMessage: string, now: Date): NotificationReply {
  return {
    status,
    headers: { 'content-type': 'application/json', 'x-timestamp': snapTimestamp(now) },
    body: JSON.stringify({ responseCode, responseMessage }),
  };
}
