// Cancels a top-up for its owner, and answers with what it has come to.

import { claimKey, keepResult } from '../ledger/posting/keys.ts';
import { readOwnLeg } from '../ledger/reading/history.ts';
import type { Key, Leg, OwnLeg } from '../ledger/rules/words.ts';
import { transaction as inTransaction } from '../platform/database/database.ts';
import type { Reply } from '../platform/http/function.ts';
import { Problem } from '../platform/http/problem.ts';
import { answerOf, keep, keepRefusal, type WalletData } from '../wallet/answer.ts';
import { findAnswer, onceWritten } from '../wallet/idempotency.ts';
import { legDataOf } from '../wallet/transaction.ts';
import { requestCancellation } from './attempts.ts';
import { waitForTurn, withLease } from './lease.ts';
import { pursue } from './pursue.ts';
import { readTopup } from './topup.ts';

/** 200 or 202 with the owner's transaction as it is when the provider has been asked; kept with the key. */
export async function answerCancellation(key: Key, own: OwnLeg, traceparent: string): Promise<Reply<never>> {
  const { operationId } = own.leg;
  const isFirst = await inTransaction(async (query) => {
    const claimed = await claimKey(query, key, operationId);
    if (claimed) await requestCancellation(query, operationId);
    return claimed;
  });
  return onceWritten(async () => {
    const earlier = isFirst ? undefined : await findAnswer(key);
    if (earlier) return { kept: earlier, replayed: true };
    if (!isPending(own.leg)) return answerWith(key, keepRefusal('already_settled'));

    const turn = await waitForTurn(key, operationId);
    if (turn && 'answer' in turn) return { kept: turn.answer, replayed: true };
    if (!turn && !isFirst)
      throw new Problem('request_in_progress', { outcome: 'unknown', headers: { 'retry-after': '2' } });
    // The wish is written: what cannot be done now is done by reconcile-topups.
    if (turn)
      await withLease(turn.lease, async () =>
        pursue(await readTopup(operationId), { aim: 'outcome', lease: turn.lease, traceparent }),
      );
    const asItIs = (await readOwnLeg(key.accountId, operationId)) ?? own;
    return answerWith(key, keep({ outcome: 'asked_to_cancel', leg: legDataOf(asItIs) }));
  });
}

function isPending({ type, status }: Leg): boolean {
  return type === 'TOPUP' && status === 'PENDING';
}

async function answerWith(key: Key, data: WalletData): Promise<Reply<never>> {
  if (await keepResult(key, data)) return { kept: answerOf({ data }), replayed: false };
  return { kept: (await findAnswer(key)) ?? answerOf({ data }), replayed: true };
}
