// A row of idempotency_keys as the ledger reads and writes it.

import type { Key, Result, SeenKey } from '../rules/words.ts';

export const KEY_COLUMNS =
  'account_id, key, function, coalesce(sent, request) as request, operation_id, status, answer, result';

export interface KeyRow {
  [column: string]: unknown;
  account_id: string;
  key: string;
  function: string;
  request: string;
  operation_id: string;
  status: number | null;
  answer: string | null;
  result: string | null;
}

export function seenKeyOf(row: KeyRow): SeenKey {
  return { function: row.function, request: row.request, operationId: row.operation_id, result: resultOf(row) };
}

/** A finished key has a result, or the answer that an older version of One Gate wrote. A running one has neither. */
function resultOf({ result, status, answer }: KeyRow): Result | null {
  if (result !== null) return { data: JSON.parse(result) };
  return status !== null && answer !== null ? { answer: { status, body: answer } } : null;
}

/** The columns for a key's request. `sent` stays empty if both texts are the same. */
export function requestColumns({ request, legacyRequest = request }: Key): { request: string; sent: string | null } {
  return { request: legacyRequest, sent: legacyRequest === request ? null : request };
}
