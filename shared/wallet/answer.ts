// Renders the API's answer to a request about money from the data kept with its key. The data names the renderer of its
// first answer, so that a repetition gets the same bytes after any release. To change answers, add a renderer: the
// existing ones stay as they are for as long as keys are kept (30 days).

import type { Bound, Refusal, Result } from '../ledger/rules/words.ts';
import { CURRENCY, formatAmount } from '../money.ts';
import { publicUrl } from '../platform/environment.ts';
import type { KeptAnswer } from '../platform/http/function.ts';
import { type ProblemDetails, problemBody } from '../platform/http/problem.ts';
import { type ProblemCode, problems } from '../platform/http/problems.ts';
import { LIMIT_RULES, REFUSAL_CODES } from './refusals.ts';
import { type LegData, transactionFrom } from './transaction.ts';

/** The result of a request, as plain data. */
type Told =
  /** The caller's side of the movement. */
  | { outcome: 'posted'; leg: LegData }
  | { outcome: Refusal; limit?: { value: string; left: string | null } }
  /** An opened top-up after the provider has been asked. Both are null if nothing is left to pay. */
  | { outcome: 'opened'; leg: LegData; redirectUrl: string | null; expiresAt: string | null }
  /** A top-up that the provider refused, or that failed later. */
  | { outcome: 'provider_refused'; reason: string | null }
  /** A top-up after its cancellation was requested and the provider was asked. */
  | { outcome: 'asked_to_cancel'; leg: LegData };

/** The data that is kept with a key. */
export type WalletData = Told & { renderer: number };

const renderers: Readonly<Record<number, (told: Told) => KeptAnswer>> = { 1: render1 };
const LATEST = 1;

/** Adds today's renderer to the data. */
export function keep(told: Told): WalletData {
  return { renderer: LATEST, ...told };
}

/**
 * The data of a refused posting. With a `bound` it has the limit's value and what was left of it. For another person's
 * wallet the rest is null, because it would tell the payer how much that wallet holds.
 */
export function keepRefusal(outcome: Refusal, bound?: Bound, callersAccount?: string): WalletData {
  if (!bound) return keep({ outcome });
  const isTold = bound.accountId === undefined || bound.accountId === callersAccount;
  return keep({ outcome, limit: { value: formatAmount(bound.value), left: isTold ? formatAmount(bound.left) : null } });
}

export function answerOf(result: Result<WalletData>): KeptAnswer {
  if ('answer' in result) return result.answer;
  const render = renderers[result.data.renderer];
  if (!render) throw new Error(`an answer needs renderer ${result.data.renderer}, which this version does not have`);
  return render(result.data);
}

function render1(told: Told): KeptAnswer {
  switch (told.outcome) {
    case 'posted':
      return { status: 201, body: JSON.stringify({ transaction: transactionFrom(told.leg) }) };
    case 'opened': {
      const { redirectUrl: redirect_url, expiresAt: expires_at } = told;
      return {
        status: 202,
        body: JSON.stringify({ transaction: transactionFrom(told.leg), redirect_url, expires_at }),
      };
    }
    case 'asked_to_cancel': {
      const transaction = transactionFrom(told.leg);
      return { status: transaction.status === 'PENDING' ? 202 : 200, body: JSON.stringify({ transaction }) };
    }
    case 'provider_refused':
      return problem('provider_refused', {
        detail:
          told.reason === null
            ? 'The top-up has failed: nothing was credited. Try again with a new key.'
            : `The provider says: ${told.reason}. Try another payment method or amount with a new key.`,
      });
    default: {
      const { outcome, limit } = told;
      const rule = LIMIT_RULES[outcome];
      const members = limit && { limit: { rule, ...limit, currency: CURRENCY } };
      return problem(REFUSAL_CODES[outcome], members && { members });
    }
  }
}

function problem(code: ProblemCode, details: ProblemDetails = {}): KeptAnswer {
  return { status: problems[code].status, body: problemBody(publicUrl(), code, details, true) };
}
