// POST /v1/cancel: gives up a top-up that is not paid yet.

import * as v from 'valibot';
import { claimKey, keepResult } from '../../shared/ledger/posting/keys.ts';
import { readOwnLeg } from '../../shared/ledger/reading/history.ts';
import { parseTransactionName } from '../../shared/ledger/rules/ids.ts';
import type { Key, Leg } from '../../shared/ledger/rules/words.ts';
import { transaction as inTransaction } from '../../shared/platform/database/database.ts';
import { defineFunction, type Reply } from '../../shared/platform/http/function.ts';
import { Problem } from '../../shared/platform/http/problem.ts';
import { maxCharacters } from '../../shared/platform/http/text.ts';
import { user } from '../../shared/sessions/caller.ts';
import { requestCancellation } from '../../shared/topups/attempts.ts';
import { findOut } from '../../shared/topups/inquiry.ts';
import { type Lease, releaseLease, WORK_LIMIT_MS, waitForTurn } from '../../shared/topups/lease.ts';
import { readTopup } from '../../shared/topups/topup.ts';
import { answerOf, keep, keepRefusal, type WalletData } from '../../shared/wallet/answer.ts';
import { findAnswer, keyOf, onceWritten } from '../../shared/wallet/idempotency.ts';
import { legDataOf, transactionSchema } from '../../shared/wallet/transaction.ts';

export default defineFunction({
  name: 'cancel',
  summary: 'Cancel a top-up that is not paid yet',
  description:
    'Only the provider can say that nothing will be paid any more. 200: the transaction has come to its end, as `CANCELLED`, or as ' +
    '`SUCCESS` when it had just been paid. 202: it is still `PENDING`; the provider could not be asked in time and will be asked again, ' +
    'so read the transaction later.',
  uses: { database: 'money', redis: true, kafka: true, accessTokens: 'verify', providers: true },
  http: {
    route: 'POST /v1/cancel',
    limit: { perMinute: 60, by: 'user' },
    caller: user,
    idempotencyKey: true,
    body: v.strictObject({
      transaction_id: v.pipe(
        v.string(),
        maxCharacters(50),
        v.description("The top-up's transaction_id, id or operation_id."),
        v.examples(['TOP-01A192E762807ABC8DEF012345678902']),
      ),
    }),
    answer: v.object({ transaction: transactionSchema }),
    status: 200,
    alsoStatus: { 202: 'Still PENDING: the provider could not say, and will be asked again.' },
    errors: ['transaction_not_found', 'transaction_not_pending'],

    handle: async ({ caller, body, idempotency, trace }) => {
      const { accountId } = caller;
      const id = parseTransactionName(body.transaction_id);
      const own = id && (await readOwnLeg(accountId, id));
      if (!own) throw new Problem('transaction_not_found');
      const { operationId } = own.leg;
      const key = keyOf(accountId, idempotency, body);
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
        if (turn) await carryOut(turn.lease, trace.traceparent);
        else if (!isFirst)
          throw new Problem('request_in_progress', { outcome: 'unknown', headers: { 'retry-after': '2' } });
        const asItIs = (await readOwnLeg(accountId, operationId)) ?? own;
        return answerWith(key, keep({ outcome: 'asked_to_cancel', leg: legDataOf(asItIs) }));
      });
    },
  },
});

function isPending({ type, status }: Leg): boolean {
  return type === 'TOPUP' && status === 'PENDING';
}

/** The wish is written: what cannot be done now is done by reconcile-topups. */
async function carryOut(lease: Lease, traceparent: string): Promise<void> {
  try {
    const topup = await readTopup(lease.operationId);
    if (topup) await findOut(topup, lease, { traceparent, signal: AbortSignal.timeout(WORK_LIMIT_MS) });
  } finally {
    await releaseLease(lease);
  }
}

async function answerWith(key: Key, data: WalletData): Promise<Reply<never>> {
  if (await keepResult(key, data)) return { kept: answerOf({ data }), replayed: false };
  return { kept: (await findAnswer(key)) ?? answerOf({ data }), replayed: true };
}
