// POST /v1/topup: opens a top-up of the caller's wallet and says where to pay it.

import * as v from 'valibot';
import { publicUrl } from '../../shared/environment.ts';
import { defineFunction, type KeptAnswer, type Reply } from '../../shared/http/function.ts';
import { Problem, problemBody } from '../../shared/http/problem.ts';
import { readTransaction } from '../../shared/ledger/history.ts';
import { newOperationId } from '../../shared/ledger/ids.ts';
import { findKey, onceWritten } from '../../shared/ledger/keys.ts';
import { post } from '../../shared/ledger/ledger.ts';
import type { Decided, Key, Leg, Response } from '../../shared/ledger/posting.ts';
import { type Refusal, refusal } from '../../shared/ledger/refusals.ts';
import { amountSchema } from '../../shared/ledger/request.ts';
import { transactionOf, transactionSchema } from '../../shared/ledger/transaction.ts';
import { CURRENCY, parseAmount } from '../../shared/money.ts';
import { paymentMethodSchema } from '../../shared/providers/providers.ts';
import { user } from '../../shared/sessions/caller.ts';
import { answerRequest } from '../../shared/topups/attempts.ts';
import { topupChanged } from '../../shared/topups/events.ts';
import type { Asking } from '../../shared/topups/inquiry.ts';
import { type Lease, openersLease, releaseLease, WORK_LIMIT_MS, waitForTurn } from '../../shared/topups/lease.ts';
import { apiOf, providerOf } from '../../shared/topups/provider.ts';
import { obtainRedirect, type Redirect } from '../../shared/topups/redirect.ts';
import { returnUrlSchema } from '../../shared/topups/request.ts';
import { attemptReference, openedTopup } from '../../shared/topups/topup.ts';

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

    handle: async ({ caller, body, idempotencyKey, trace }) => {
      const { topic } = providerOf(body.payment_method);
      const api = await apiOf(body.payment_method);
      const key = {
        accountId: caller.accountId,
        key: idempotencyKey,
        function: 'topup',
        request: JSON.stringify(body),
      };
      const operationId = newOperationId();
      const { answer, replayed, decided } = await post({
        key,
        operationId,
        movement: {
          name: 'open',
          type: 'TOPUP',
          credit: caller.accountId,
          amount: parseAmount(body.amount),
          currency: CURRENCY,
          paymentMethod: body.payment_method,
          externalReference: attemptReference(operationId, 1),
        },
        respond: (decided) => {
          // While the database is writing.
          if (decided.outcome === 'posted') setImmediate(api.prepare);
          return opened(decided, caller.accountId, topic, trace.traceparent);
        },
      });
      if (answer) return { kept: answer, replayed };
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

/** The key has no answer yet: the provider must be asked first. */
function opened({ outcome, legs, bound }: Decided, accountId: string, topic: string, traceparent: string): Response {
  if (outcome === 'posted') return { answer: null, events: [topupChanged(legs[0] as Leg, topic, traceparent)] };
  return { answer: outcome === 'key_in_progress' ? null : refusal(outcome as Refusal, bound, accountId) };
}

/** The first request with this key is running, or was left behind: waits for its answer, or goes on where it stopped. */
async function joinFirst(key: Key): Promise<{ answer: KeptAnswer } | { lease: Lease }> {
  const first = await findKey(key);
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
    const answer = await answerTo(redirect, key.accountId, lease.operationId, opened);
    const accepted = redirect.name === 'accepted' ? { ...redirect, traceparent: asking.traceparent } : undefined;
    isAnswered = answer !== undefined && (await answerRequest(lease, key, answer, accepted));
    if (answer && isAnswered) return { kept: answer, replayed: false };
  } finally {
    // The answer gave it back.
    if (!isAnswered) await releaseLease(lease);
  }
  // Somebody who took us for dead may have been faster.
  const kept = (await findKey(key))?.answer;
  if (kept) return { kept, replayed: true };
  throw new Problem('outcome_unknown', { outcome: 'unknown', headers: { 'retry-after': '2' } });
}

async function answerTo(
  redirect: Redirect,
  accountId: string,
  operationId: string,
  opened: Leg | undefined,
): Promise<KeptAnswer | undefined> {
  if (redirect.name === 'unknown') return undefined;
  if (redirect.name === 'refused') {
    return refused(`The provider says: ${redirect.reason}. Try another payment method or amount with a new key.`);
  }
  // As it was opened: nobody has been told where to pay it, and nobody without the lease ends what is not paid.
  const isUnchanged = opened && redirect.name === 'accepted';
  const transaction = isUnchanged ? transactionOf(opened, null) : await readTransaction(accountId, operationId);
  if (transaction?.status === 'FAILED') {
    return refused('The top-up has failed: nothing was credited. Try again with a new key.');
  }
  const [url, expiresAt] = redirect.name === 'accepted' ? [redirect.redirectUrl, redirect.expiresAt] : [null, null];
  return { status: 202, body: JSON.stringify({ transaction, redirect_url: url, expires_at: expiresAt }) };
}

function refused(detail: string): KeptAnswer {
  return { status: 422, body: problemBody(publicUrl(), 'provider_refused', { detail }, true) };
}
