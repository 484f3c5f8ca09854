// Idempotency keys of requests that take longer than one batch. While a provider is being asked, the key has no result.

import { type Query, query } from '../../platform/database/database.ts';
import type { Key, Result, SeenKey } from '../rules/words.ts';
import { KEY_COLUMNS, type KeyRow, requestColumns, seenKeyOf } from './key-row.ts';

/** Finds the first request with this key, if any. It may be a different request: ask `sameRequest`. */
export async function findKey({ accountId, key }: Pick<Key, 'accountId' | 'key'>): Promise<SeenKey | undefined> {
  const [row] = await query<KeyRow>({
    name: 'key-find',
    text: `select ${KEY_COLUMNS} from idempotency_keys where account_id = $1 and key = $2`,
    values: [accountId, key],
  });
  return row && seenKeyOf(row);
}

/**
 * Claims the key for a request that moves no money itself. Returns false if it was claimed before. Call it in the
 * transaction that writes what the request asks for.
 */
export async function claimKey(query: Query, key: Key, operationId: string): Promise<boolean> {
  const { request, sent } = requestColumns(key);
  const claimed = await query({
    text: `
      insert into idempotency_keys (account_id, key, function, request, sent, operation_id) values ($1, $2, $3, $4, $5, $6)
      on conflict do nothing returning 1`,
    values: [key.accountId, key.key, key.function, request, sent, operationId],
  });
  return claimed.length > 0;
}

/** Keeps the data with the key unless it has a result. Returns whether it did. */
export async function keepResult({ accountId, key }: Key, data: object): Promise<boolean> {
  const kept = await query({
    text: `
      update idempotency_keys set result = $3
       where account_id = $1 and key = $2 and result is null and answer is null returning 1`,
    values: [accountId, key, JSON.stringify(data)],
  });
  return kept.length > 0;
}

/** The data of a key that no person has sent. Before results existed, the answers of such keys held the same data. */
export function dataOf<Data extends object>(result: Result<Data>): Data {
  return 'data' in result ? result.data : JSON.parse(result.answer.body);
}
