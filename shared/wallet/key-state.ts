// The state of the request under an Idempotency-Key, for the account that used the key.

import { KEY_COLUMNS, type KeyRow, seenKeyOf } from '../ledger/posting/key-row.ts';
import { KEYS_KEPT_DAYS } from '../ledger/posting/upkeep.ts';
import { readOwnLeg } from '../ledger/reading/history.ts';
import type { Result } from '../ledger/rules/words.ts';
import { query } from '../platform/database/database.ts';
import { answerOf, type WalletData } from './answer.ts';
import { type Transaction, transactionOf } from './transaction.ts';

export interface KeyState {
  state: 'in_progress' | 'completed';
  function: string;
  firstSeen: Date;
  expiresAt: Date;
  outcome: 'succeeded' | 'pending' | 'failed' | 'unknown';
  /** HTTP status of the answer. */
  status: number | null;
  /** Null if the answer is a refusal. */
  operationId: string | null;
  /** The account's own leg in its present state. */
  transaction: Transaction | null;
}

interface Row extends KeyRow {
  created_at: Date;
  expires_at: Date;
}

/** Undefined if no request is kept under this key. */
export async function readKeyState(accountId: string, key: string): Promise<KeyState | undefined> {
  const [row] = await query<Row>({
    name: 'key-state',
    text: `
      select ${KEY_COLUMNS}, created_at, created_at + make_interval(days => $3) as expires_at
        from idempotency_keys where account_id = $1 and key = $2`,
    values: [accountId, key, KEYS_KEPT_DAYS],
  });
  if (!row) return undefined;
  const seen = seenKeyOf(row);
  const status = seen.result && answerOf(seen.result as Result<WalletData>).status;
  const operationId = status !== null && status >= 400 ? null : seen.operationId;
  const own = operationId ? await readOwnLeg(accountId, operationId) : undefined;
  const transaction = own ? transactionOf(own) : null;
  return {
    state: status === null ? 'in_progress' : 'completed',
    function: seen.function,
    firstSeen: row.created_at,
    expiresAt: row.expires_at,
    outcome: outcomeOf(seen.function, status, transaction),
    status,
    operationId,
    transaction,
  };
}

function outcomeOf(by: string, status: number | null, transaction: Transaction | null): KeyState['outcome'] {
  if (status === null) return 'unknown';
  if (status >= 400) return 'failed';
  // 202 meant that the transaction was pending, so its present status decides.
  if (status !== 202) return 'succeeded';
  if (!transaction || transaction.status === 'PENDING') return 'pending';
  const wished = by === 'cancel' ? ['CANCELLED', 'FAILED'] : ['SUCCESS'];
  return wished.includes(transaction.status) ? 'succeeded' : 'failed';
}
