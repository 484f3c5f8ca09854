// The events that tell of payments, keyed by the payer's account.

import { newEvent, type OutboxEvent } from '../events/event.ts';
import { formatAmount } from '../money.ts';
import type { Leg } from './posting.ts';

export const PAYMENTS_TOPIC = 'one-gate.payments';

/** `one-gate.payment.succeeded`: both legs with the place each has in its account's order. */
export function paymentSucceeded(debit: Leg, credit: Leg, traceparent: string): OutboxEvent {
  return newEvent({
    id: debit.operationId,
    topic: PAYMENTS_TOPIC,
    type: 'one-gate.payment.succeeded',
    source: '/one-gate/pay',
    subject: debit.operationId,
    partitionKey: debit.accountId,
    sequence: debit.legNumber.toString(),
    traceparent,
    data: {
      operation_id: debit.operationId,
      amount: formatAmount(debit.amount),
      currency: debit.currency,
      external_reference: debit.externalReference,
      payer: { account_id: debit.accountId, transaction: debit.id, sequence: debit.legNumber.toString() },
      payee: { account_id: credit.accountId, transaction: credit.id, sequence: credit.legNumber.toString() },
    },
  });
}
