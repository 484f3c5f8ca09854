// The events of a top-up's life, on its provider's topic, keyed by the owner's account.

import type { Leg } from '../ledger/rules/words.ts';
import { formatAmount } from '../money.ts';
import { newEvent, type OutboxEvent } from '../platform/events/event.ts';
import { providerOf } from './provider.ts';
import type { Topup } from './topup.ts';

export const NOTIFIED = 'one-gate.topup.notified';

/** All types on the topic: a listener gets each of them. */
export const TOPUP_EVENT_TYPES = [
  'one-gate.topup.requested',
  NOTIFIED,
  'one-gate.topup.succeeded',
  'one-gate.topup.failed',
  'one-gate.topup.cancelled',
] as const;

const TYPE_OF_STATUS = {
  PENDING: 'one-gate.topup.requested',
  SUCCESS: 'one-gate.topup.succeeded',
  FAILED: 'one-gate.topup.failed',
  CANCELLED: 'one-gate.topup.cancelled',
} as const;

/** What the owner's leg has just become. */
export function topupChanged(leg: Leg, topic: string, traceparent: string | null): OutboxEvent {
  return newEvent({
    topic,
    type: TYPE_OF_STATUS[leg.status],
    source: leg.status === 'PENDING' ? '/one-gate/topup' : '/one-gate/settle-topup',
    subject: leg.operationId,
    partitionKey: leg.accountId,
    sequence: leg.legNumber.toString(),
    traceparent,
    data: {
      operation_id: leg.operationId,
      account_id: leg.accountId,
      transaction: leg.id,
      status: leg.status,
      amount: formatAmount(leg.amount),
      currency: leg.currency,
      payment_method: leg.paymentMethod,
      external_reference: leg.externalReference,
    },
  });
}

/** The provider has news of an attempt: settle-topup asks for the true status. */
export function topupNotified(topup: Topup, news: { reference: string; state: string }): OutboxEvent {
  return newEvent({
    topic: providerOf(topup.method).topic,
    type: NOTIFIED,
    source: '/one-gate/receive-notification',
    subject: topup.operationId,
    partitionKey: topup.accountId,
    sequence: topup.legNumber,
    traceparent: topup.attempt?.traceparent ?? null,
    data: { operation_id: topup.operationId, reference: news.reference, state: news.state },
  });
}
