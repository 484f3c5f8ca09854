// Idempotency keys of requests that take longer than one batch: a provider is being asked, and meanwhile the key has no answer.

import { type Query, query } from '../database/database.ts';
import type { KeptAnswer } from '../http/function.ts';
import { Problem } from '../http/problem.ts';
import { differences } from './differences.ts';
import type { Key, SeenKey } from './posting.ts';

interface KeyRow {
  function: string;
  request: string;
  operation_id: string;
  status: number | null;
  answer: string | null;
}

/** The first request with this key, if there was one; an `idempotency_key_reused` Problem if it was another request. */
export async function findKey(key: Key): Promise<SeenKey | undefined> {
  const [row] = await query<KeyRow & { [column: string]: unknown }>({
    name: 'key-find',
    text: 'select function, request, operation_id, status, answer from idempotency_keys where account_id = $1 and key = $2',
    values: [key.accountId, key.key],
  });
  if (!row) return undefined;
  if (row.function !== key.function || row.request !== key.request) throw keyReused(key, row);
  const { status, answer: body } = row;
  return {
    function: row.function,
    request: row.request,
    operationId: row.operation_id,
    answer: status !== null && body !== null ? { status, body } : null,
  };
}

/**
 * What `look` finds. Where it refuses, the kept answer of the same request, if it was answered before: a phone number may have changed
 * hands since, and a repetition is answered all the same.
 */
export async function unlessAnswered<Found>(
  key: Key,
  look: () => Promise<Found>,
): Promise<{ found: Found } | { answer: KeptAnswer }> {
  try {
    return { found: await look() };
  } catch (error) {
    const answer = error instanceof Problem ? (await findKey(key))?.answer : undefined;
    if (!answer) throw error;
    return { answer };
  }
}

/** Claims the key for a request that moves no money itself; false when it was claimed before. In the transaction of what it asks for. */
export async function claimKey(query: Query, key: Key, operationId: string): Promise<boolean> {
  const claimed = await query({
    text: `
      insert into idempotency_keys (account_id, key, function, request, operation_id) values ($1, $2, $3, $4, $5)
      on conflict do nothing returning 1`,
    values: [key.accountId, key.key, key.function, key.request, operationId],
  });
  return claimed.length > 0;
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

/** Keeps the answer with the key, unless another one is kept already. Returns whether it did. */
export async function keepAnswer(key: Key, { status, body }: KeptAnswer): Promise<boolean> {
  const kept = await query({
    text: 'update idempotency_keys set status = $3, answer = $4 where account_id = $1 and key = $2 and answer is null returning 1',
    values: [key.accountId, key.key, status, body],
  });
  return kept.length > 0;
}

export function keyReused(key: Key, first: { function: string; request: string }): Problem {
  if (first.function !== key.function) {
    return new Problem('idempotency_key_reused', {
      detail: `The key was used for ${first.function}; use a new key for another request.`,
    });
  }
  const pointers = differences(JSON.parse(first.request), JSON.parse(key.request));
  return new Problem('idempotency_key_reused', {
    errors: pointers.map((pointer) => ({ pointer, detail: 'is not what it was in the first request with this key' })),
  });
}
