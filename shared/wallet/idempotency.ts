// Keys of callers' requests, and the answers that belong to them.

import { findKey } from '../ledger/posting/keys.ts';
import { sameRequest } from '../ledger/rules/decide.ts';
import type { Key, Result, SeenKey } from '../ledger/rules/words.ts';
import { formatAmount, type Money } from '../money.ts';
import type { KeptAnswer } from '../platform/http/function.ts';
import type { Idempotency } from '../platform/http/idempotency.ts';
import { Problem } from '../platform/http/problem.ts';
import { answerOf, type WalletData } from './answer.ts';

/** The ledger's key for a request, in the scope of the caller's account. `body` is the schema's output. */
export function keyOf(accountId: string, idempotency: Idempotency, body: object & { amount?: Money | undefined }): Key {
  const { amount } = body;
  const legacyRequest = JSON.stringify(amount === undefined ? body : { ...body, amount: formatAmount(amount) });
  return { accountId, legacyRequest, ...idempotency };
}

/** The first request with this key, if any. Throws `idempotency_key_reused` if it was a different request. */
export async function findFirst(key: Key): Promise<SeenKey | undefined> {
  const first = await findKey(key);
  if (first && !sameRequest(first, key)) throw keyReused(key, first);
  return first;
}

/** The answer to the first request with this key. Undefined if there is no such request or it has no answer yet. */
export async function findAnswer(key: Key): Promise<KeptAnswer | undefined> {
  const result = (await findFirst(key))?.result;
  return result ? answerOf(result as Result<WalletData>) : undefined;
}

/**
 * Returns what `look` finds. If `look` refuses but the same request was answered before, returns the kept answer: a
 * repetition gets its first answer even if, for example, the phone number has changed hands since.
 */
export async function unlessAnswered<Found>(
  key: Key,
  look: () => Promise<Found>,
): Promise<Found | { kept: KeptAnswer; replayed: true }> {
  try {
    return await look();
  } catch (error) {
    const kept = error instanceof Problem ? await findAnswer(key) : undefined;
    if (!kept) throw error;
    return { kept, replayed: true };
  }
}

/**
 * Runs the work that follows after the request was stored under its key. If the database fails now,
 * `service_unavailable` would be wrong, since something has happened: throws `outcome_unknown`, and a retry with the
 * same key continues.
 */
export async function onceWritten<Answer>(work: () => Promise<Answer>): Promise<Answer> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof Problem) || error.code !== 'service_unavailable') throw error;
    throw new Problem('outcome_unknown', { outcome: 'unknown', headers: { 'retry-after': '2' } });
  }
}

export function keyReused(key: Key, first: Pick<SeenKey, 'function' | 'request'>): Problem {
  if (first.function !== key.function) {
    return new Problem('idempotency_key_reused', {
      detail: `The key was used for ${first.function}; use a new key for another request.`,
    });
  }
  const pointers = key.differences?.(first.request) ?? [''];
  return new Problem('idempotency_key_reused', {
    errors: pointers.map((pointer) => ({ pointer, detail: 'differs from the first request with this key' })),
  });
}
