// Gets an address at the provider where the payer can pay. An attempt whose answer was lost is inquired about, and cancelled, before
// there is another one; a request that never arrived is sent again under its own reference.

import { publicUrl } from '../platform/environment.ts';
import { log } from '../platform/telemetry/log.ts';
import type { PaymentRequestOutcome, Refused } from '../providers/provider.ts';
import { addAttempt, markDead } from './attempts.ts';
import { type Asking, findOut } from './inquiry.ts';
import { type Lease, renewLease } from './lease.ts';
import { apiOf } from './provider.ts';
import { postPaid, postUnpaid } from './settlement.ts';
import { type Attempt, isAlive, readTopup, type Topup } from './topup.ts';

export type Redirect =
  | { name: 'accepted'; reference: string; providerReference: string; redirectUrl: string; expiresAt: Date }
  /** The provider does not want it; the top-up has failed. */
  | { name: 'refused'; reason: string }
  /** There is nothing left to pay: the ledger says how the top-up ended. */
  | { name: 'ended' }
  /** Nobody knows yet, or somebody else is at it. Whoever asks again goes on from here. */
  | { name: 'unknown' };

/** An answer that was lost, what became of it, a cancellation, another attempt: more is not done for one request. */
const MOST_LAPS = 4;

/** With `opened`, whoever has just opened the top-up asks first, and at once: nothing else can have happened to it. */
export async function obtainRedirect(
  lease: Lease,
  returnUrl: string | undefined,
  asking: Asking,
  opened?: Topup,
): Promise<Redirect> {
  for (let lap = 1; lap <= MOST_LAPS && !asking.signal.aborted; lap++) {
    if (lap > 1 && !(await renewLease(lease))) break;
    const unsent = lap === 1 ? opened : undefined;
    const topup = unsent ?? (await readTopup(lease.operationId));
    if (!topup) throw new Error(`top-up ${lease.operationId} is not in the database`);
    if (topup.status !== 'PENDING') return { name: 'ended' };
    if (topup.isCancelRequested) {
      if ((await findOut(topup, lease, asking)) !== 'ended') break;
      continue;
    }
    const earlier = !unsent && isAlive(topup.attempt) ? topup.attempt : undefined;
    const cleared = earlier && (await clear(topup, earlier, asking));
    if (cleared === 'unknown') break;
    if (cleared === 'look again') continue;
    const attempt = unsent?.attempt ?? earlier ?? (await addAttempt(lease, topup));
    if (!attempt) continue;
    const outcome = await request(topup, attempt, returnUrl, asking);
    if (outcome.name === 'accepted') return { ...outcome, reference: attempt.reference, expiresAt: attempt.expiresAt };
    if (outcome.name === 'unknown') {
      log.warn({ reference: attempt.reference, reason: outcome.reason }, 'the answer to a payment request was lost');
    } else if (await isRefused(topup, attempt, earlier !== undefined, outcome, asking)) {
      return { name: 'refused', reason: outcome.reason };
    }
  }
  return { name: 'unknown' };
}

/** What to do about an attempt whose answer was lost. `send again`: the provider has never heard of it. */
async function clear(topup: Topup, attempt: Attempt, asking: Asking): Promise<'send again' | 'look again' | 'unknown'> {
  const api = await apiOf(topup.method);
  const payment = { reference: attempt.reference, providerReference: attempt.providerReference };
  const state = await api.inquire(payment, asking);
  switch (state.name) {
    case 'unknown':
      return 'unknown';
    case 'paid':
      await postPaid(topup, attempt, state, asking.traceparent);
      return 'look again';
    case 'not_found':
      if (!attempt.isOver && attempt.expiresAt.getTime() > Date.now()) return 'send again';
      if (!attempt.isOver) return 'unknown';
      await markDead(attempt, 'not_found');
      return 'look again';
    case 'pending': {
      // The payer was never told where to pay, and nobody can ask for the address again.
      const outcome = await api.cancel({ ...payment, reason: 'its answer was lost' }, asking);
      if (outcome.name === 'already_paid') return 'look again';
      if (outcome.name !== 'cancelled' && outcome.name !== 'already_failed') return 'unknown';
      await markDead(attempt, outcome.name === 'cancelled' ? 'given_up' : 'failed');
      return 'look again';
    }
    case 'refunded':
      // Reported, and ended, by reconcile-topups.
      return 'unknown';
    default:
      await markDead(attempt, state.name === 'cancelled' ? 'given_up' : 'failed');
      return 'look again';
  }
}

async function request(
  topup: Topup,
  attempt: Attempt,
  returnUrl: string | undefined,
  asking: Asking,
): Promise<PaymentRequestOutcome> {
  const api = await apiOf(topup.method);
  return api.requestPayment(
    {
      reference: attempt.reference,
      amount: topup.amount,
      currency: topup.currency,
      returnUrl: returnUrl ?? publicUrl(),
      expiresAt: attempt.expiresAt,
      description: 'One Gate top-up',
    },
    asking,
  );
}

/** Ends the top-up, unless an earlier sending of the same attempt may have been taken. */
async function isRefused(
  topup: Topup,
  attempt: Attempt,
  wasSentBefore: boolean,
  { reason, code }: Refused,
  asking: Asking,
): Promise<boolean> {
  log.warn({ reference: attempt.reference, reason, code }, 'the provider has refused a top-up');
  if (wasSentBefore) {
    const state = await (await apiOf(topup.method)).inquire({ reference: attempt.reference }, asking);
    if (state.name !== 'not_found') return false;
  }
  await markDead(attempt, 'refused');
  await postUnpaid({ ...topup, attempt }, 'FAILED', asking.traceparent);
  return true;
}
