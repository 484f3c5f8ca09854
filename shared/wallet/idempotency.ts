// The keys of callers' requests, and what they have been answered with.

import { findKey } from '../ledger/posting/keys.ts';
import { sameRequest } from '../ledger/rules/decide.ts';
import type { Key, Result, SeenKey } from '../ledger/rules/words.ts';
import { formatAmount, type Money } from '../money.ts';
import type { KeptAnswer } from '../platform/http/function.ts';
import type { Idempotency } from '../platform/http/idempotency.ts';
import { Problem } from '../platform/http/problem.ts';
import { answerOf, type WalletData } from './answer.ts';

/** The ledger's key for a request, in the scope of the caller's account. `body` is what the schema has made of it. */
export function keyOf(accountId: string, idempotency: Idempotency, body: object & { amount?: Money | undefined }): Key {
  const { amount } = body;
  const legacyRequest = JSON.stringify(amount === undefined ? body : { ...body, amount: formatAmount(amount) });
  return { accountId, legacyRequest, ...idempotency };
}

/** The first request with this key, if there was one; an `idempotency_key_reused` Problem if it was another request. */
export async function findFirst(key: Key): Promise<SeenKey | undefined> {
  const first = await findKey(key);
  if (first && !sameRequest(first, key)) throw keyReused(key, first);
  return first;
}

/** The answer to the first request with this key; undefined if there is none, or none yet. */
export async function findAnswer(key: Key): Promise<KeptAnswer | undefined> {
  const result = (await findFirst(key))?.result;
  return result ? answerOf(result as Result<WalletData>) : undefined;
}

/**
 * What `look` finds. Where it refuses, the kept answer of the same request, if it was answered before: a phone number may have changed
 * hands since, and a repetition is answered all the same.
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
 * What comes after a request was written under its key. A database that goes away now can no longer say that nothing has happened:
 * `outcome_unknown`, and the same key goes on from there.
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
    errors: pointers.map((pointer) => ({ pointer, detail: 'is not what it was in the first request with this key' })),
  });
}
