// The end of a top-up in the ledger. Each end has a key of its own, so that it is posted once, however often and by however many it is
// found out.

import { reportFinding } from '../findings.ts';
import { dataOf } from '../ledger/posting/keys.ts';
import { newOperationId } from '../ledger/rules/ids.ts';
import type { Key, Outcome, Posting } from '../ledger/rules/words.ts';
import { formatAmount, type Money, money } from '../money.ts';
import type { PaymentState } from '../providers/provider.ts';
import { postForCaller } from '../wallet/posting.ts';
import { markPaid, stopLooking } from './attempts.ts';
import { topupChanged } from './events.ts';
import { providerOf } from './provider.ts';
import type { Attempt, Topup } from './topup.ts';

type Paid = Extract<PaymentState, { name: 'paid' }>;

/** What is kept with a settlement's key: which attempt it was for, and what it came to. */
interface Settled {
  outcome: Outcome;
  reference: string;
}

/**
 * Posts what the provider has really been paid: to the wallet, or to the suspense account with a finding when the wallet is closed, the
 * amount is another, or the top-up has been paid before by another attempt.
 */
export async function postPaid(topup: Topup, attempt: Attempt, paid: Paid, traceparent: string): Promise<void> {
  if (paid.currency !== topup.currency)
    return reportUnpostable(topup, attempt, paid, `it was paid in ${paid.currency}`);
  const reference = paid.providerReference ?? attempt.reference;
  const settled = await settle(topup, attempt, {
    status: 'SUCCESS',
    paid: paid.amount,
    externalReference: reference,
    traceparent,
  });
  if (settled.reference !== attempt.reference) {
    await postToSuspense(topup, attempt, paid.amount, reference);
    await reportSuspense(topup, attempt, paid.amount, 'the top-up had been paid before by another attempt');
  } else if (settled.outcome === 'posted_to_suspense') {
    const why = paid.amount === topup.amount ? 'the wallet cannot take it' : `${formatAmount(topup.amount)} was agreed`;
    await reportSuspense(topup, attempt, paid.amount, why);
  } else if (settled.outcome === 'already_settled' && attempt.state !== 'PAID') {
    // Its key is gone after thirty days, and with it the memory of which attempt it was.
    return reportUnpostable(topup, attempt, paid, 'the top-up was settled so long ago that nobody can tell by what');
  }
  await markPaid(attempt, paid.providerReference);
  await stopLooking(topup.operationId);
}

/** Ends a top-up that can no longer be paid. If it is paid all the same one day, that is posted too. */
export async function postUnpaid(
  topup: Topup,
  status: 'FAILED' | 'CANCELLED',
  traceparent: string | null,
): Promise<void> {
  await settle(topup, topup.attempt, { status, paid: money(0n), traceparent });
  await stopLooking(topup.operationId);
}

interface End {
  status: 'SUCCESS' | 'FAILED' | 'CANCELLED';
  paid: Money;
  externalReference?: string;
  traceparent: string | null;
}

async function settle(topup: Topup, attempt: Attempt, end: End): Promise<Settled> {
  const {
    topic,
    accounts: { clearing, suspense },
  } = providerOf(topup.method);
  const { traceparent, ...settlement } = end;
  const { operationId, accountId } = topup;
  return keep({
    key: internalKey(clearing, `settle:${operationId}:${end.status}`, {
      operation_id: operationId,
      status: end.status,
    }),
    operationId,
    movement: { name: 'settle', operationId, account: accountId, clearing, suspense, ...settlement },
    record: ({ outcome, legs }) => {
      const changed = legs.find((leg) => leg.accountId === accountId);
      return {
        data: { outcome, reference: attempt.reference },
        ...(changed && { events: [topupChanged(changed, topic, traceparent)] }),
      };
    },
  });
}

/** An operation of its own: that of the top-up has its credit already. */
async function postToSuspense(
  { method, currency, operationId }: Topup,
  attempt: Attempt,
  amount: Money,
  externalReference: string,
): Promise<void> {
  const { clearing, suspense } = providerOf(method).accounts;
  await keep({
    key: internalKey(clearing, `settle:${attempt.reference}:SUSPENSE`, { reference: attempt.reference }),
    operationId: newOperationId(),
    movement: {
      name: 'transfer',
      type: 'TOPUP',
      from: clearing,
      to: suspense,
      amount,
      currency,
      paymentMethod: method,
      externalReference,
      metadata: JSON.stringify({ operation_id: operationId }),
    },
    record: ({ outcome }) => ({ data: { outcome, reference: attempt.reference } }),
  });
}

// In the scope of the clearing account, which no person can send requests for: a key of a person's own choice can never stand in the way.
function internalKey(accountId: string, key: string, request: object): Key {
  return { accountId, key, function: 'settle-topup', request: JSON.stringify(request) };
}

const ENDS = new Set<Outcome>(['posted', 'posted_to_suspense', 'already_settled']);

async function keep(posting: Posting<Settled>): Promise<Settled> {
  const { result } = await postForCaller(posting);
  const settled = result && dataOf(result);
  if (!settled || !ENDS.has(settled.outcome)) {
    throw new Error(`${posting.key.key} cannot be posted: ${settled?.outcome ?? 'no result'}`);
  }
  return settled;
}

function reportSuspense(topup: Topup, { reference }: Attempt, amount: bigint, why: string): Promise<void> {
  const { operationId, accountId, currency } = topup;
  return reportFinding({
    kind: 'topup_in_suspense',
    subject: reference,
    operationId,
    detail: `${formatAmount(amount)} ${currency} was paid for account ${accountId} and is held in suspense: ${why}.`,
  });
}

function reportUnpostable(topup: Topup, { reference }: Attempt, { amount }: Paid, why: string): Promise<void> {
  const { operationId, accountId } = topup;
  return reportFinding({
    kind: 'topup_not_posted',
    subject: reference,
    operationId,
    detail: `${formatAmount(amount)} was paid for account ${accountId} and is posted nowhere: ${why}.`,
  });
}
