// What the API says to each outcome of a posting that is not its success.

import { publicUrl } from '../environment.ts';
import type { KeptAnswer } from '../http/function.ts';
import { problemBody } from '../http/problem.ts';
import { type ProblemCode, problems } from '../http/problems.ts';
import type { Outcome } from './posting.ts';

export type Refusal = Exclude<Outcome, 'posted' | 'posted_to_suspense'>;

/** The compiler refuses this file until every outcome has an answer. */
const codes = {
  key_in_progress: 'request_in_progress',
  key_reused: 'idempotency_key_reused',
  same_account: 'cannot_pay_yourself',
  account_not_found: 'account_not_found',
  payee_not_found: 'payee_not_found',
  transaction_not_found: 'transaction_not_found',
  account_closed: 'account_closed',
  account_suspended: 'account_suspended',
  payee_unavailable: 'payee_unavailable',
  currency_mismatch: 'currency_mismatch',
  already_settled: 'transaction_not_pending',
  insufficient_funds: 'insufficient_funds',
  balance_too_large: 'balance_too_large',
} as const satisfies Record<Refusal, ProblemCode>;

export function refusal(outcome: Refusal): KeptAnswer {
  const code = codes[outcome];
  return { status: problems[code].status, body: problemBody(publicUrl(), code, {}, true) };
}

/** The problems a movement of the caller's money can end in, for a function's declaration. */
export const movementProblems = [
  'account_not_found',
  'payee_not_found',
  'cannot_pay_yourself',
  'account_closed',
  'account_suspended',
  'payee_unavailable',
  'currency_mismatch',
  'insufficient_funds',
  'balance_too_large',
  'idempotency_key_reused',
  'outcome_unknown',
] as const satisfies readonly ProblemCode[];
