// One movement between two wallets for whoever asked: posts it, and answers with the caller's side of it.

import type { Reply } from '../http/function.ts';
import { newOperationId } from './ids.ts';
import { post } from './ledger.ts';
import { type MovementEventType, movementEvent } from './movement-event.ts';
import type { Decided, Key, Leg, Movement, Response } from './posting.ts';
import { type Refusal, refusal } from './refusals.ts';
import { type Counterparty, transactionOf } from './transaction.ts';

interface Wanted {
  /** Of the caller, whose leg is the answer; its function is what the event says moved the money. */
  key: Key;
  /** The operation that is ended; a new one unless told. */
  operationId?: string;
  movement: Movement;
  /** Whom the caller's leg names. */
  counterparty: Counterparty;
  /** Committed with the movement. */
  event: MovementEventType;
  traceparent: string;
}

/** 201 with the caller's transaction, or the refusal; both are kept with the key. Rejects as `post` does. */
export async function move(wanted: Wanted): Promise<Reply<never>> {
  const { key, operationId = newOperationId(), movement } = wanted;
  const { answer, replayed } = await post({
    key,
    operationId,
    movement,
    respond: (decided) => respond(decided, wanted),
  });
  return { kept: answer ?? refusal('key_in_progress'), replayed };
}

function respond({ outcome, legs, bound, hold }: Decided, wanted: Wanted): Response {
  const { key, counterparty, event, traceparent } = wanted;
  if (outcome !== 'posted') return { answer: refusal(outcome as Refusal, bound, key.accountId) };
  const [debit, credit] = legs as [Leg, Leg];
  const own = debit.accountId === key.accountId ? debit : credit;
  const transaction = transactionOf(own, counterparty, own.status === 'PENDING' ? (hold?.expiresAt ?? null) : null);
  return {
    answer: { status: 201, body: JSON.stringify({ transaction }) },
    events: [movementEvent(event, key.function, [debit, credit], traceparent)],
  };
}
