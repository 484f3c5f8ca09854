// Opens a top-up for its owner, and answers with where to pay it.

import { readOwnLeg } from '../ledger/reading/history.ts';
import { newOperationId } from '../ledger/rules/ids.ts';
import type { Decided, Key, Leg, Recorded, Refusal } from '../ledger/rules/words.ts';
import { CURRENCY, type Money } from '../money.ts';
import type { Reply } from '../platform/http/function.ts';
import { Problem } from '../platform/http/problem.ts';
import type { PaymentMethod } from '../providers/providers.ts';
import { answerOf, keep, keepRefusal, type WalletData } from '../wallet/answer.ts';
import { findAnswer, findFirst, onceWritten } from '../wallet/idempotency.ts';
import { postForCaller } from '../wallet/posting.ts';
import { legDataOf } from '../wallet/transaction.ts';
import { answerRequest } from './attempts.ts';
import { topupChanged } from './events.ts';
import { type Lease, openersLease, releaseLease, type Turn, waitForTurn } from './lease.ts';
import { apiOf, providerOf } from './provider.ts';
import { type Answer, pursue } from './pursue.ts';
import { attemptReference, openedTopup, readTopup } from './topup.ts';

interface Wanted {
  /** Of the owner. */
  key: Key;
  amount: Money;
  method: PaymentMethod;
  returnUrl: string | undefined;
  traceparent: string;
}

/** 202 with the transaction and where to pay, or the refusal; what both tell is kept with the key. Rejects as `postForCaller` does. */
export async function answerTopup(wanted: Wanted): Promise<Reply<never>> {
  const { key, amount, method } = wanted;
  const { prepare } = await apiOf(method);
  const operationId = newOperationId();
  const posting = postForCaller({
    key,
    operationId,
    movement: {
      name: 'open',
      type: 'TOPUP',
      to: key.accountId,
      amount,
      currency: CURRENCY,
      paymentMethod: method,
      externalReference: attemptReference(operationId, 1),
    },
    record: (decided) => record(decided, wanted),
  });
  // While the database is at work.
  setImmediate(prepare);
  const { result, replayed, decided } = await posting;
  if (result) return { kept: answerOf(result), replayed };
  const isOurs = !replayed && decided?.outcome !== 'key_in_progress';
  return onceWritten(async () => {
    const turn = isOurs ? { lease: openersLease(operationId) } : await joinFirst(key);
    if ('answer' in turn) return { kept: turn.answer, replayed: true };
    return obtainRedirect(turn.lease, wanted, decided?.legs[0]);
  });
}

/** The key has no result yet: the provider must be asked first. */
function record({ outcome, legs, bound }: Decided, { key, method, traceparent }: Wanted): Recorded<WalletData> {
  if (outcome !== 'posted') return { data: keepRefusal(outcome as Refusal, bound, key.accountId) };
  return { data: null, events: [topupChanged(legs[0] as Leg, providerOf(method).topic, traceparent)] };
}

/** The first request with this key is running, or was left behind: waits for its answer, or goes on where it stopped. */
async function joinFirst(key: Key): Promise<Turn> {
  const first = await findFirst(key);
  const turn = first && (await waitForTurn(key, first.operationId));
  if (!turn) throw new Problem('request_in_progress', { outcome: 'unknown', headers: { 'retry-after': '2' } });
  return turn;
}

/** With `opened`, the caller has just opened the top-up: nothing else can have happened to it, and it is not read again. */
async function obtainRedirect(lease: Lease, wanted: Wanted, opened: Leg | undefined): Promise<Reply<never>> {
  const { key, returnUrl, traceparent } = wanted;
  let isAnswered = false;
  try {
    const topup = opened ? openedTopup(opened) : await readTopup(lease.operationId);
    const pursuit = { aim: 'redirect', lease, traceparent, returnUrl, isUnsent: opened !== undefined } as const;
    const answer = await pursue(topup, pursuit);
    const data = await dataOf(answer, key.accountId, lease.operationId, opened);
    const accepted = answer.name === 'accepted' ? { ...answer, traceparent } : undefined;
    isAnswered = data !== undefined && (await answerRequest(lease, key, data, accepted));
    if (data && isAnswered) return { kept: answerOf({ data }), replayed: false };
  } finally {
    // The answer gave it back.
    if (!isAnswered) await releaseLease(lease);
  }
  // Another process, which took this one for dead, may have been faster.
  const kept = await findAnswer(key);
  if (kept) return { kept, replayed: true };
  throw new Problem('outcome_unknown', { outcome: 'unknown', headers: { 'retry-after': '2' } });
}

async function dataOf(
  answer: Answer,
  accountId: string,
  operationId: string,
  opened: Leg | undefined,
): Promise<WalletData | undefined> {
  if (answer.name === 'unknown' || answer.name === 'pending') return undefined;
  if (answer.name === 'refused') return keep({ outcome: 'provider_refused', reason: answer.reason });
  const isAccepted = answer.name === 'accepted';
  // As it was opened: its address has not been told yet, and without the lease nothing unpaid is ended.
  const own =
    opened && isAccepted
      ? { leg: opened, counterparty: null, expiresAt: null }
      : await readOwnLeg(accountId, operationId);
  if (!own) throw new Error(`top-up ${operationId} is not in the database`);
  if (own.leg.status === 'FAILED') return keep({ outcome: 'provider_refused', reason: null });
  const [redirectUrl, expiresAt] = isAccepted ? [answer.redirectUrl, answer.expiresAt.toISOString()] : [null, null];
  return keep({ outcome: 'opened', leg: legDataOf(own), redirectUrl, expiresAt });
}
