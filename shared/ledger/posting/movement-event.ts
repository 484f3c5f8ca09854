// The event of a movement between two wallets. Its key is the account that is debited.

import { formatAmount } from '../../money.ts';
import { newEvent, type OutboxEvent } from '../../platform/events/event.ts';
import type { Leg } from '../rules/words.ts';

export const PAYMENTS_TOPIC = 'one-gate.payments';

export type MovementEventType =
  /** Paid at once, or by capturing a hold. */
  | 'one-gate.payment.succeeded'
  | 'one-gate.payment.held'
  /** A hold was voided. */
  | 'one-gate.payment.voided'
  | 'one-gate.payment.expired'
  | 'one-gate.transfer.succeeded'
  | 'one-gate.refund.succeeded';

/** The event has both legs, each with its number in its account. `by` is the function that posted the movement. */
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
