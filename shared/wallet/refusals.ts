// The API's error code for each outcome of a refused posting.

import type { Refusal } from '../ledger/rules/words.ts';
import type { ProblemCode } from '../platform/http/problems.ts';

/** The compiler refuses this file until every outcome has a code. */
export const REFUSAL_CODES = {
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

/** The rule that a bound belongs to. */
export const LIMIT_RULES: Partial<Record<Refusal, string>> = {
  balance_limit: 'wallet_balance',
  incoming_limit: 'monthly_incoming',
  balance_too_large: 'largest_balance',
  capture_too_large: 'held_amount',
  refund_too_large: 'paid_amount',
};

/** The refusals of a payment, a transfer or a hold, for a function's declaration. */
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

/** The refusals of a refund, a capture or a void, for a function's declaration. */
export const receivedProblems = [
  'money_frozen',
  'transaction_not_found',
  'payee_only',
  'account_closed',
  'account_suspended',
  'idempotency_key_reused',
  'outcome_unknown',
] as const satisfies readonly ProblemCode[];
