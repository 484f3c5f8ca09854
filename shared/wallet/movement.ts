// Posts a movement between two wallets for a caller, and answers with the caller's side.

import { type MovementEventType, movementEvent } from '../ledger/posting/movement-event.ts';
import { newOperationId } from '../ledger/rules/ids.ts';
import type { Counterparty, Decided, Key, Leg, Movement, Recorded, Refusal } from '../ledger/rules/words.ts';
import type { Reply } from '../platform/http/function.ts';
import { Problem } from '../platform/http/problem.ts';
import { answerOf, keep, keepRefusal, type WalletData } from './answer.ts';
import { postForCaller } from './posting.ts';
import { legDataOf } from './transaction.ts';

interface Wanted {
  /** The key of the caller, whose leg is the answer. The event names its function. */
  key: Key;
  /** The operation to end. The default is a new operation. */
  operationId?: string;
  movement: Movement;
  /** The counterparty in the caller's leg. */
  counterparty: Counterparty;
  /** The event that is committed with the movement. */
  event: MovementEventType;
  traceparent: string;
}

/**
 * Answers 201 with the caller's transaction, or the refusal. The answer's data is kept with the key. Rejects as
 * `postForCaller` does.
 */
export async function answerMovement(wanted: Wanted): Promise<Reply<never>> {
  const { key, operationId = newOperationId(), movement } = wanted;
  const { result, replayed } = await postForCaller({
    key,
    operationId,
    movement,
    record: (decided) => record(decided, wanted),
  });
  if (!result) throw new Problem('request_in_progress');
  return { kept: answerOf(result), replayed };
}

function record({ outcome, legs, bound, hold }: Decided, wanted: Wanted): Recorded<WalletData> {
  const { key, counterparty, event, traceparent } = wanted;
  if (outcome !== 'posted') return { data: keepRefusal(outcome as Refusal, bound, key.accountId) };
  const [debit, credit] = legs as [Leg, Leg];
  const leg = debit.accountId === key.accountId ? debit : credit;
  const expiresAt = leg.status === 'PENDING' ? (hold?.expiresAt ?? null) : null;
  return {
    data: keep({ outcome, leg: legDataOf({ leg, counterparty, expiresAt }) }),
    events: [movementEvent(event, key.function, [debit, credit], traceparent)],
  };
}
