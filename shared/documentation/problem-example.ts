// Example problems, for the API document and for the error pages.

import { CURRENCY } from '../money.ts';
import { type ProblemDetails, problemBody } from '../platform/http/problem.ts';
import { type ProblemCode, problems } from '../platform/http/problems.ts';

/** Stands for the public address in the built document. The functions that serve the document insert the real one. */
export const PUBLIC_URL_PLACEHOLDER = 'https://one-gate.example';

export const REQUEST_ID = '0198c1f2-6d1e-7a54-9d6b-2f3c8a4b5e60';

/** Problems after which the money may have moved. */
const MAY_HAVE_HAPPENED = new Set<ProblemCode>(['internal_error', 'bad_gateway', 'outcome_unknown', 'gateway_timeout']);

const limit = (rule: string, value: string, left: string): ProblemDetails => ({
  members: { limit: { rule, value, left, currency: CURRENCY } },
});

const details: { [Code in ProblemCode]?: ProblemDetails } = {
  invalid_request: { errors: [{ pointer: '/amount', detail: 'must be more than zero' }] },
  idempotency_key_reused: { errors: [{ pointer: '/amount', detail: 'differs from the first request with this key' }] },
  balance_limit_exceeded: limit('wallet_balance', '2000000.00', '150000.00'),
  incoming_limit_exceeded: limit('monthly_incoming', '40000000.00', '0.00'),
  capture_too_large: limit('held_amount', '150000.00', '150000.00'),
  refund_too_large: limit('paid_amount', '150000.00', '50000.00'),
};

/** The body of a problem, as a function answers it. `aboutMoney`: to a request with an Idempotency-Key. */
export function problemExample(publicUrl: string, code: ProblemCode, aboutMoney: boolean): Record<string, unknown> {
  const outcome = MAY_HAVE_HAPPENED.has(code) ? 'unknown' : 'failed';
  return {
    ...JSON.parse(
      problemBody(publicUrl, code, { ...details[code], outcome, idempotencyKey: 'topup-2026-11-20-0815' }, aboutMoney),
    ),
    request_id: REQUEST_ID,
  };
}

/** Codes that only requests about money can get. */
export function isOnlyAboutMoney(code: ProblemCode): boolean {
  return code.startsWith('idempotency_key') || code === 'request_in_progress' || code === 'outcome_unknown';
}

/** Advice about sending the same request again. */
export function retryAdvice(code: ProblemCode): string {
  if (!problems[code].safeToRetry) {
    return 'The same request would be refused again. Correct it first. For money, use a new Idempotency-Key.';
  }
  if (MAY_HAVE_HAPPENED.has(code)) {
    return (
      'It may have happened already, and the same Idempotency-Key keeps it from happening twice. A request without ' +
      'a key can be sent again if it only reads.'
    );
  }
  return (
    'Nothing has happened yet. Follow the advice above, then send the same request again, with the same ' +
    'Idempotency-Key if it has one.'
  );
}
