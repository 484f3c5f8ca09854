// The end of a top-up in the ledger. Each end has a key of its own: it is posted once, however often it is found out.

import { dataOf } from '../ledger/posting/keys.ts';
import { newOperationId } from '../ledger/rules/ids.ts';
import type { Key, Outcome, Posting } from '../ledger/rules/words.ts';
import { type Money, money } from '../money.ts';
import type { PaymentState } from '../providers/provider.ts';
import { postForCaller } from '../wallet/posting.ts';
import type { SettlementOutcome } from './decide.ts';
import { topupChanged } from './events.ts';
import { providerOf } from './provider.ts';
import type { Topup } from './topup.ts';

export type Paid = Extract<PaymentState, { name: 'paid' }>;

/** What is kept with a settlement's key: which attempt it was for, and what it came to. */
interface Settled {
  outcome: Outcome;
  reference: string;
}

/** Posts what the provider has really been paid: to the wallet, or to suspense when the wallet is closed or the amount is another. */
export async function credit(topup: Topup, paid: Paid, traceparent: string): Promise<SettlementOutcome> {
  if (paid.currency !== topup.currency) return 'other_currency';
  const externalReference = externalReferenceOf(topup, paid);
  const { outcome, reference } = await settle(
    topup,
    { status: 'SUCCESS', paid: paid.amount, externalReference },
    traceparent,
  );
  if (reference !== topup.attempt.reference) return 'paid_before';
  if (outcome === 'posted_to_suspense') return 'in_suspense';
  return outcome === 'already_settled' ? 'already_settled' : 'credited';
}

/** Posts a second payment to suspense, in an operation of its own: that of the top-up has its credit already. */
export async function setAside(topup: Topup, paid: Paid): Promise<SettlementOutcome> {
  const { method, currency, operationId, attempt } = topup;
  const { clearing, suspense } = providerOf(method).accounts;
  await keep({
    key: internalKey(clearing, `settle:${attempt.reference}:SUSPENSE`, { reference: attempt.reference }),
    operationId: newOperationId(),
    movement: {
      name: 'transfer',
      type: 'TOPUP',
      from: clearing,
      to: suspense,
      amount: paid.amount,
      currency,
      paymentMethod: method,
      externalReference: externalReferenceOf(topup, paid),
      metadata: JSON.stringify({ operation_id: operationId }),
    },
    record: ({ outcome }) => ({ data: { outcome, reference: attempt.reference } }),
  });
  return 'set_aside';
}

/** Ends a top-up that can no longer be paid. If it is paid all the same one day, that is posted too. */
export async function close(
  topup: Topup,
  status: 'FAILED' | 'CANCELLED',
  traceparent: string,
): Promise<SettlementOutcome> {
  await settle(topup, { status, paid: money(0n) }, traceparent);
  return 'closed';
}

interface End {
  status: 'SUCCESS' | 'FAILED' | 'CANCELLED';
  paid: Money;
  externalReference?: string;
}

async function settle({ operationId, accountId, method, attempt }: Topup, end: End, traceparent: string) {
  const {
    topic,
    accounts: { clearing, suspense },
  } = providerOf(method);
  return keep({
    key: internalKey(clearing, `settle:${operationId}:${end.status}`, {
      operation_id: operationId,
      status: end.status,
    }),
    operationId,
    movement: { name: 'settle', operationId, account: accountId, clearing, suspense, ...end },
    record: ({ outcome, legs }) => {
      const changed = legs.find((leg) => leg.accountId === accountId);
      return {
        data: { outcome, reference: attempt.reference },
        ...(changed && { events: [topupChanged(changed, topic, traceparent)] }),
      };
    },
  });
}

function externalReferenceOf({ attempt }: Topup, { providerReference }: Paid): string {
  return providerReference ?? attempt.reference;
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
