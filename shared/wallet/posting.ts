// Posts to the ledger for a caller. A refusal by the key or a freeze, and a failure, become a Problem.

import { type Posted, PostingFailure, post } from '../ledger/posting/ledger.ts';
import type { Posting } from '../ledger/rules/words.ts';
import { Problem } from '../platform/http/problem.ts';
import { keyReused } from './idempotency.ts';

/**
 * Rejects with a Problem: `idempotency_key_reused`, `money_frozen` and `service_unavailable` (nothing has happened), or
 * `outcome_unknown` (retry with the same key). The result is null if the key is in progress.
 */
export async function postForCaller<Data extends object>(posting: Posting<Data>): Promise<Posted<Data>> {
  const posted = await post(posting).catch((error: unknown) => {
    throw error instanceof PostingFailure ? problemOf(error) : error;
  });
  const { decided } = posted;
  if (decided?.first) throw keyReused(posting.key, decided.first);
  if (decided?.outcome === 'frozen') throw new Problem('money_frozen', { headers: { 'retry-after': '30' } });
  return posted;
}

function problemOf({ kind, message }: PostingFailure): Problem {
  const soon = { 'retry-after': '1' };
  switch (kind) {
    case 'busy':
      return new Problem('service_unavailable', { detail: message, headers: soon });
    case 'unknown':
      return new Problem('outcome_unknown', { outcome: 'unknown', headers: soon });
    case 'failed':
      return new Problem('internal_error', { outcome: 'failed' });
  }
}
