// What the API says to each outcome of a posting that is not its success.

import { publicUrl } from '../environment.ts';
import type { KeptAnswer } from '../http/function.ts';
import { problemBody } from '../http/problem.ts';
import { type ProblemCode, problems } from '../http/problems.ts';
import { CURRENCY, formatAmount } from '../money.ts';
import type { Bound, Outcome } from './posting.ts';

export type Refusal = Exclude<Outcome, 'posted' | 'posted_to_suspense'>;

/** The compiler refuses this file until every outcome has an answer. */
const codes = {
  key_in_progress: 'request_in_progress',
  key_reused: 'idempotency_key_reused',
  frozen: 'money_frozen',
  same_account: 'cannot_pay_yourself',
  account_not_found: 'account_not_found',
  payee_not_found: 'payee_not_found',
  transaction_not_found: 'transaction_not_found',
  account_closed: 'account_closed',
  account_suspended: 'account_suspended',
  payee_unavailable: 'payee_unavailable',
  currency_mismatch: 'currency_mismatch',
  already_settled: 'transaction_not_pending',
  not_refundable: 'transaction_not_refundable',
  hold_expired: 'hold_expired',
  capture_too_large: 'capture_too_large',
  refund_too_large: 'refund_too_large',
  insufficient_funds: 'insufficient_funds',
  balance_limit: 'balance_limit_exceeded',
  incoming_limit: 'incoming_limit_exceeded',
  balance_too_large: 'balance_too_large',
} as const satisfies Record<Refusal, ProblemCode>;

/** The rule that a bound belongs to, as the API names it. */
const rules: Partial<Record<Refusal, string>> = {
  balance_limit: 'wallet_balance',
  incoming_limit: 'monthly_incoming',
  balance_too_large: 'largest_balance',
  capture_too_large: 'held_amount',
  refund_too_large: 'paid_amount',
};

/**
 * The answer to a refused posting. With a `bound` it names the rule, its value, and what was left: of somebody else's wallet that stays
 * untold (null), since it would tell the payer how much is in there.
 */
export function refusal(outcome: Refusal, bound?: Bound, callersAccount?: string): KeptAnswer {
  const code = codes[outcome];
  const details = bound ? { members: { limit: limitOf(outcome, bound, callersAccount) } } : {};
  return { status: problems[code].status, body: problemBody(publicUrl(), code, details, true) };
}

function limitOf(outcome: Refusal, { value, left, accountId }: Bound, callersAccount: string | undefined) {
  const isTold = accountId === undefined || accountId === callersAccount;
  return {
    rule: rules[outcome],
    value: formatAmount(value),
    left: isTold ? formatAmount(left) : null,
    currency: CURRENCY,
  };
}

/** What a payment, a transfer and a hold can end in, for a function's declaration. */
export const movementProblems = [
  'money_frozen',
  'account_not_found',
  'payee_not_found',
  'cannot_pay_yourself',
  'account_closed',
  'account_suspended',
  'payee_unavailable',
  'currency_mismatch',
  'insufficient_funds',
  'balance_limit_exceeded',
  'incoming_limit_exceeded',
  'balance_too_large',
  'idempotency_key_reused',
  'outcome_unknown',
] as const satisfies readonly ProblemCode[];

/** What whoever was paid can be told when giving a payment back, capturing or voiding it. */
export const receivedProblems = [
  'money_frozen',
  'transaction_not_found',
  'payee_only',
  'account_closed',
  'account_suspended',
  'idempotency_key_reused',
  'outcome_unknown',
] as const satisfies readonly ProblemCode[];
