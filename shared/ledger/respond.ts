// The answer to a movement between two wallets, kept with its key, and the event that is committed with it.

import { type MovementEventType, movementEvent } from './movement-event.ts';
import type { Decided, Leg, Response } from './posting.ts';
import { type Refusal, refusal } from './refusals.ts';
import { type Counterparty, transactionOf } from './transaction.ts';

interface Asked {
  /** The caller's account: its leg is the answer. */
  accountId: string;
  counterparty: Counterparty;
  /** The function that was called. */
  by: string;
  event: MovementEventType;
  traceparent: string;
}

/** 201 with the caller's side of what was posted, or the refusal. */
export function respond(decided: Decided, { accountId, counterparty, by, event, traceparent }: Asked): Response {
  const { outcome, legs, bound, hold } = decided;
  if (outcome !== 'posted') return { answer: refusal(outcome as Refusal, bound, accountId) };
  const [debit, credit] = legs as [Leg, Leg];
  const own = debit.accountId === accountId ? debit : credit;
  const transaction = transactionOf(own, counterparty, own.status === 'PENDING' ? (hold?.expiresAt ?? null) : null);
  return {
    answer: { status: 201, body: JSON.stringify({ transaction }) },
    events: [movementEvent(event, by, [debit, credit], traceparent)],
  };
}
