// What a person must look at: payments that could not go to the wallet they were meant for, and top-ups that do not end.

import { reportFinding } from '../findings.ts';
import { formatAmount } from '../money.ts';
import type { PaymentState } from '../providers/provider.ts';
import type { Finding } from './decide.ts';
import type { Topup } from './topup.ts';

/** What the provider says of a payment that was made. */
export type Payment = Extract<PaymentState, { name: 'paid' | 'refunded' }>;

export function report(finding: Finding, topup: Topup, payment: Payment): Promise<void> {
  const { operationId, accountId, currency, attempt } = topup;
  const about = { subject: attempt.reference, operationId };
  const amount = formatAmount(payment.amount);
  const suspense = (why: string) =>
    reportFinding({
      kind: 'topup_in_suspense',
      ...about,
      detail: `${amount} ${currency} was paid for account ${accountId} and is held in suspense: ${why}.`,
    });
  const unposted = (why: string) =>
    reportFinding({
      kind: 'topup_not_posted',
      ...about,
      detail: `${amount} was paid for account ${accountId} and is posted nowhere: ${why}.`,
    });
  switch (finding) {
    case 'in_suspense': {
      const isAgreed = payment.amount === topup.amount;
      return suspense(isAgreed ? 'the wallet cannot take it' : `${formatAmount(topup.amount)} was agreed`);
    }
    case 'paid_twice':
      return suspense('the top-up had been paid before by another attempt');
    case 'other_currency':
      return unposted(`it was paid in ${payment.currency}`);
    case 'forgotten':
      return unposted('the top-up was settled so long ago that the attempt that paid it is not known any more');
    case 'refunded': {
      const credited = attempt.state === 'PAID' ? 'after it was credited' : 'before it was credited';
      return reportFinding({
        kind: 'topup_refunded_by_provider',
        ...about,
        detail: `The provider has given back a payment for account ${accountId} ${credited}; ${amount} had been paid.`,
      });
    }
  }
}

export function reportStuck(
  { operationId, accountId, method, attempt }: Topup,
  found: 'pending' | 'unknown',
): Promise<void> {
  const what = found === 'unknown' ? 'cannot say what became of' : 'has still not ended';
  return reportFinding({
    kind: 'topup_stuck',
    subject: operationId,
    operationId,
    detail: `${method} ${what} the payment ${attempt.reference} for account ${accountId}, an hour after it was asked for.`,
  });
}
