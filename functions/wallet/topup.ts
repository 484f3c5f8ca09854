// POST /v1/topup: opens a top-up of the caller's wallet and says where to pay it.

import * as v from 'valibot';
import { readOwnLeg } from '../../shared/ledger/reading/history.ts';
import { newOperationId } from '../../shared/ledger/rules/ids.ts';
import type { Decided, Key, Leg, OwnLeg, Recorded, Refusal } from '../../shared/ledger/rules/words.ts';
import { CURRENCY } from '../../shared/money.ts';
import { defineFunction, type Reply } from '../../shared/platform/http/function.ts';
import { Problem } from '../../shared/platform/http/problem.ts';
import { paymentMethodSchema } from '../../shared/providers/providers.ts';
import { user } from '../../shared/sessions/caller.ts';
import { answerRequest } from '../../shared/topups/attempts.ts';
import { topupChanged } from '../../shared/topups/events.ts';
import type { Asking } from '../../shared/topups/inquiry.ts';
import {
  type Lease,
  openersLease,
  releaseLease,
  type Turn,
  WORK_LIMIT_MS,
  waitForTurn,
} from '../../shared/topups/lease.ts';
import { apiOf, providerOf } from '../../shared/topups/provider.ts';
import { obtainRedirect, type Redirect } from '../../shared/topups/redirect.ts';
import { returnUrlSchema } from '../../shared/topups/request.ts';
import { attemptReference, openedTopup } from '../../shared/topups/topup.ts';
import { answerOf, keep, keepRefusal, type WalletData } from '../../shared/wallet/answer.ts';
import { findAnswer, findFirst, keyOf, onceWritten } from '../../shared/wallet/idempotency.ts';
import { postForCaller } from '../../shared/wallet/posting.ts';
import { amountSchema } from '../../shared/wallet/request.ts';
import { legDataOf, transactionSchema } from '../../shared/wallet/transaction.ts';

export default defineFunction({
  name: 'topup',
  summary: 'Top the wallet up from another one',
  description:
    'The answer is a `PENDING` transaction and `redirect_url`, where the payer confirms with the provider until `expires_at`. The ' +
    'balance changes when the transaction becomes `SUCCESS`. Both are null when there is nothing left to pay: the transaction then ' +
    'says how it ended.',
  uses: { database: 'money', redis: true, kafka: true, accessTokens: 'verify', providers: true },
  http: {
    route: 'POST /v1/topup',
    limit: { perMinute: 60, by: 'user' },
    caller: user,
    idempotencyKey: true,
    body: v.strictObject({
      amount: amountSchema,
      payment_method: v.pipe(paymentMethodSchema, v.examples(['GOPAY'])),
      return_url: v.optional(returnUrlSchema),
    }),
    answer: v.object({
      transaction: transactionSchema,
      redirect_url: v.nullable(v.pipe(v.string(), v.url(), v.description("The provider's page for the payer."))),
      expires_at: v.nullable(v.pipe(v.string(), v.isoTimestamp(), v.description('UTC, RFC 3339.'))),
    }),
    status: 202,
    errors: [
      'account_not_found',
      'account_closed',
      'account_suspended',
      'currency_mismatch',
      'balance_limit_exceeded',
      'incoming_limit_exceeded',
      'balance_too_large',
      'money_frozen',
      'payment_method_unavailable',
      'provider_refused',
    ],

    handle: async ({ caller, body, idempotency, trace }) => {
      const { topic } = providerOf(body.payment_method);
      const api = await apiOf(body.payment_method);
      const key = keyOf(caller.accountId, idempotency, body);
      const operationId = newOperationId();
      const posting = postForCaller({
        key,
        operationId,
        movement: {
          name: 'open',
          type: 'TOPUP',
          to: caller.accountId,
          amount: body.amount,
          currency: CURRENCY,
          paymentMethod: body.payment_method,
          externalReference: attemptReference(operationId, 1),
        },
        record: (decided) => recordOpening(decided, caller.accountId, topic, trace.traceparent),
      });
      // While the database is at work.
      setImmediate(api.prepare);
      const { result, replayed, decided } = await posting;
      if (result) return { kept: answerOf(result), replayed };
      const isOurs = !replayed && decided?.outcome !== 'key_in_progress';
      const asking = { traceparent: trace.traceparent, signal: AbortSignal.timeout(WORK_LIMIT_MS) };
      return onceWritten(async () => {
        const turn = isOurs ? { lease: openersLease(operationId) } : await joinFirst(key);
        if ('answer' in turn) return { kept: turn.answer, replayed: true };
        return askProvider(turn.lease, key, body.return_url, asking, decided?.legs[0]);
      });
    },
  },
});

/** The key has no result yet: the provider must be asked first. */
function recordOpening(
  { outcome, legs, bound }: Decided,
  accountId: string,
  topic: string,
  traceparent: string,
): Recorded<WalletData> {
  if (outcome !== 'posted') return { data: keepRefusal(outcome as Refusal, bound, accountId) };
  return { data: null, events: [topupChanged(legs[0] as Leg, topic, traceparent)] };
}

/** The first request with this key is running, or was left behind: waits for its answer, or goes on where it stopped. */
async function joinFirst(key: Key): Promise<Turn> {
  const first = await findFirst(key);
  const turn = first && (await waitForTurn(key, first.operationId));
  if (!turn) throw new Problem('request_in_progress', { outcome: 'unknown', headers: { 'retry-after': '2' } });
  return turn;
}

async function askProvider(
  lease: Lease,
  key: Key,
  returnUrl: string | undefined,
  asking: Asking,
  opened: Leg | undefined,
): Promise<Reply<never>> {
  let isAnswered = false;
  try {
    const redirect = await obtainRedirect(lease, returnUrl, asking, opened && openedTopup(opened));
    const data = await resultOf(redirect, key.accountId, lease.operationId, opened);
    const accepted = redirect.name === 'accepted' ? { ...redirect, traceparent: asking.traceparent } : undefined;
    isAnswered = data !== undefined && (await answerRequest(lease, key, data, accepted));
    if (data && isAnswered) return { kept: answerOf({ data }), replayed: false };
  } finally {
    // The answer gave it back.
    if (!isAnswered) await releaseLease(lease);
  }
  // Somebody who took us for dead may have been faster.
  const kept = await findAnswer(key);
  if (kept) return { kept, replayed: true };
  throw new Problem('outcome_unknown', { outcome: 'unknown', headers: { 'retry-after': '2' } });
}

async function resultOf(
  redirect: Redirect,
  accountId: string,
  operationId: string,
  opened: Leg | undefined,
): Promise<WalletData | undefined> {
  if (redirect.name === 'unknown') return undefined;
  if (redirect.name === 'refused') return keep({ outcome: 'provider_refused', reason: redirect.reason });
  // As it was opened: nobody has been told where to pay it, and nobody without the lease ends what is not paid.
  const isUnchanged = opened && redirect.name === 'accepted';
  const own: OwnLeg | undefined = isUnchanged
    ? { leg: opened, counterparty: null, expiresAt: null }
    : await readOwnLeg(accountId, operationId);
  if (!own) throw new Error(`top-up ${operationId} is not in the database`);
  if (own.leg.status === 'FAILED') return keep({ outcome: 'provider_refused', reason: null });
  const [redirectUrl, expiresAt] =
    redirect.name === 'accepted' ? [redirect.redirectUrl, redirect.expiresAt.toISOString()] : [null, null];
  return keep({ outcome: 'opened', leg: legDataOf(own), redirectUrl, expiresAt });
}
