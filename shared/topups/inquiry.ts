// Asks the provider what became of a top-up, and posts the answer. What is paid is posted by whoever finds it out; that nothing will be
// paid is decided under the lease only, since somebody may just be making another attempt.

import { reportFinding } from '../findings.ts';
import { formatAmount } from '../money.ts';
import type { InquiryOutcome } from '../providers/provider.ts';
import { markDead, stopLooking } from './attempts.ts';
import { type Lease, renewLease } from './lease.ts';
import { apiOf } from './provider.ts';
import { postPaid, postUnpaid } from './settlement.ts';
import { type AttemptEnd, isAlive, type Topup } from './topup.ts';

/** `ended`: the ledger says how. `pending`: not yet. `unknown`: the provider could not say. */
export type Found = 'ended' | 'pending' | 'unknown';

export interface Asking {
  traceparent: string;
  /** Ends the calls to the provider early. */
  signal: AbortSignal;
}

export async function findOut(topup: Topup, lease: Lease | undefined, asking: Asking): Promise<Found> {
  const { attempt } = topup;
  let { endedAs } = attempt;
  const outcome = await ask(topup, lease !== undefined && shallGiveUp(topup), asking);
  switch (outcome.name) {
    case 'unknown':
      return 'unknown';
    case 'paid':
      await postPaid(topup, attempt, outcome, asking.traceparent);
      return 'ended';
    case 'refunded':
      await reportRefund(topup, outcome.amount);
      if (attempt.state === 'PAID') return 'ended';
      endedAs = 'refunded';
      break;
    case 'pending':
      return 'pending';
    case 'not_found':
      // A request whose answer was lost may still be on its way.
      if (isAlive(attempt) && !attempt.isOver) return 'pending';
      endedAs ??= 'not_found';
      break;
    default:
      endedAs ??= endOf(outcome.name, topup);
  }
  if (!lease) return topup.status === 'PENDING' ? 'pending' : 'ended';
  await markDead(attempt, endedAs);
  return end(topup, endedAs, lease, asking.traceparent);
}

/** No attempt is alive: ends the top-up, unless whoever asked for it may still make another one. */
async function end(topup: Topup, endedAs: AttemptEnd, lease: Lease, traceparent: string): Promise<Found> {
  if (topup.status !== 'PENDING') {
    await stopLooking(topup.operationId);
    return 'ended';
  }
  if (!topup.attempt.wasAccepted && !topup.isOld && !topup.isCancelRequested) return 'pending';
  if (!(await renewLease(lease))) return 'pending';
  await postUnpaid(topup, isCancelled(topup, endedAs) ? 'CANCELLED' : 'FAILED', traceparent);
  return 'ended';
}

/** Only what the provider has confirmed, or never heard of. */
function isCancelled({ isCancelRequested }: Topup, endedAs: AttemptEnd): boolean {
  if (endedAs === 'cancelled') return true;
  return isCancelRequested && (endedAs === 'given_up' || endedAs === 'not_found');
}

/** Nobody wants it any more, or nobody can pay it: its time is over, or the payer was never told where. */
function shallGiveUp(topup: Topup): boolean {
  const { attempt } = topup;
  if (attempt.state === 'PAID') return false;
  const isAbandoned = !attempt.wasAccepted && topup.isOld;
  return topup.isCancelRequested || topup.status !== 'PENDING' || attempt.isOver || isAbandoned || !isAlive(attempt);
}

async function ask(topup: Topup, giveUp: boolean, asking: Asking): Promise<InquiryOutcome> {
  const api = await apiOf(topup.method);
  const { reference, providerReference } = topup.attempt;
  if (giveUp) {
    const reason = topup.isCancelRequested ? 'cancelled by the customer' : 'not needed any more';
    const outcome = await api.cancel({ reference, providerReference, reason }, asking);
    if (outcome.name === 'cancelled') return { name: 'cancelled', providerReference };
  }
  return api.inquire({ reference, providerReference }, asking);
}

/** Cancelled because we asked without the owner's wish is another thing than cancelled by the payer or for the owner. */
function endOf(state: 'cancelled' | 'failed', topup: Topup): AttemptEnd {
  if (state === 'failed' || topup.isCancelRequested) return state;
  return shallGiveUp(topup) ? 'given_up' : 'cancelled';
}

function reportRefund({ operationId, accountId, attempt }: Topup, amount: bigint): Promise<void> {
  const credited = attempt.state === 'PAID' ? 'after it was credited' : 'before it was credited';
  return reportFinding({
    kind: 'topup_refunded_by_provider',
    subject: attempt.reference,
    operationId,
    detail: `The provider has given back a payment for account ${accountId} ${credited}; ${formatAmount(amount)} had been paid.`,
  });
}
