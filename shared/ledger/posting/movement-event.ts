// The event that tells of a movement between two wallets, keyed by the account that is debited.

import { formatAmount } from '../../money.ts';
import { newEvent, type OutboxEvent } from '../../platform/events/event.ts';
import type { Leg } from '../rules/words.ts';

export const PAYMENTS_TOPIC = 'one-gate.payments';

export type MovementEventType =
  /** At once, or by capturing a hold. */
  | 'one-gate.payment.succeeded'
  | 'one-gate.payment.held'
  /** A hold was voided. */
  | 'one-gate.payment.voided'
  | 'one-gate.payment.expired'
  | 'one-gate.transfer.succeeded'
  | 'one-gate.refund.succeeded';

/** Both legs, with the place each has in its account's order. `by` is the function that it happened in. */
export function movementEvent(
  type: MovementEventType,
  by: string,
  [debit, credit]: readonly [Leg, Leg],
  traceparent: string | null,
): OutboxEvent {
  return newEvent({
    topic: PAYMENTS_TOPIC,
    type,
    source: `/one-gate/${by}`,
    subject: debit.operationId,
    partitionKey: debit.accountId,
    sequence: debit.legNumber.toString(),
    traceparent,
    data: {
      operation_id: debit.operationId,
      type: debit.type,
      status: debit.status,
      amount: formatAmount(debit.amount),
      currency: debit.currency,
      external_reference: debit.externalReference,
      refund_of: debit.refundOf,
      payer: side(debit),
      payee: side(credit),
    },
  });
}

function side({ accountId, id, legNumber }: Leg) {
  return { account_id: accountId, transaction: id, sequence: legNumber.toString() };
}
