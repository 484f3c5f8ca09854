// What became of the request that an Idempotency-Key stands for, for the account that has used it.

import { query } from '../database/database.ts';
import { readTransaction } from './history.ts';
import type { Transaction } from './transaction.ts';
import { KEYS_KEPT_DAYS } from './upkeep.ts';

export interface KeyState {
  state: 'in_progress' | 'completed';
  function: string;
  firstSeen: Date;
  expiresAt: Date;
  outcome: 'succeeded' | 'pending' | 'failed' | 'unknown';
  /** HTTP status of the kept answer. */
  status: number | null;
  /** Null where the answer is a refusal. */
  operationId: string | null;
  /** The account's own leg as it is now. */
  transaction: Transaction | null;
}

interface KeyRow {
  function: string;
  operation_id: string;
  status: number | null;
  answer: string | null;
  created_at: Date;
  expires_at: Date;
}

/** Undefined: nothing is kept under this key. */
export async function readKeyState(accountId: string, key: string): Promise<KeyState | undefined> {
  const [row] = await query<KeyRow & { [column: string]: unknown }>({
    name: 'key-state',
    text: `
      select function, operation_id, status, answer, created_at, created_at + make_interval(days => $3) as expires_at
        from idempotency_keys where account_id = $1 and key = $2`,
    values: [accountId, key, KEYS_KEPT_DAYS],
  });
  if (!row) return undefined;
  const operationId = operationOf(row);
  const transaction = (operationId && (await readTransaction(accountId, operationId))) || null;
  return {
    state: row.status === null ? 'in_progress' : 'completed',
    function: row.function,
    firstSeen: row.created_at,
    expiresAt: row.expires_at,
    outcome: outcomeOf(row, transaction),
    status: row.status,
    operationId,
    transaction,
  };
}

// What is answered names its operation: that of a cancellation is the top-up's.
function operationOf({ status, answer, operation_id }: KeyRow): string | null {
  if (status === null || answer === null) return operation_id;
  return status >= 400 ? null : (JSON.parse(answer).transaction?.operation_id ?? operation_id);
}

function outcomeOf({ function: by, status, answer }: KeyRow, transaction: Transaction | null): KeyState['outcome'] {
  if (status === null) return 'unknown';
  if (status >= 400) return JSON.parse(answer ?? '{}').outcome ?? 'failed';
  // 202 said that it was on its way: how it has ended since is what counts.
  if (status !== 202) return 'succeeded';
  if (!transaction || transaction.status === 'PENDING') return 'pending';
  const wished = by === 'cancel' ? ['CANCELLED', 'FAILED'] : ['SUCCESS'];
  return wished.includes(transaction.status) ? 'succeeded' : 'failed';
}
