// Top-ups and holds that should have ended long ago. Both lists are bounded, since more rows than that have one common
// cause.

import type { Finding } from '../../findings.ts';
import type { Query } from '../../platform/database/database.ts';

const TOPUP_HOURS = 24;
const HOLD_MINUTES = 10;
const MOST = 500;

interface OverdueRow {
  [column: string]: unknown;
  operation_id: string;
  account_id: string;
  amount: string;
  since: Date;
}

/** Top-ups that are PENDING a day after the request. */
export async function overdueTopups(query: Query): Promise<Finding[]> {
  const rows = await query<OverdueRow>({
    text: `
      select operation_id, account_id, amount, created_at as since from historical_transactions
       where transaction_status = 'PENDING' and transaction_type = 'TOPUP' and id < uuidv7_from(now() - make_interval(hours => $1))
         and created_at < now() - make_interval(hours => $1)
       order by id limit $2`,
    values: [TOPUP_HOURS, MOST],
  });
  return rows.map((row) => ({
    kind: 'topup_pending_too_long',
    subject: row.operation_id,
    operationId: row.operation_id,
    detail: `A top-up of ${row.amount} for account ${row.account_id} is PENDING since ${row.since.toISOString()}.`,
  }));
}

/** Holds that expire-holds should have released by now. */
export async function overdueHolds(query: Query): Promise<Finding[]> {
  const rows = await query<OverdueRow>({
    text: `
      select operation_id, payer_account as account_id, amount, expires_at as since from holds
       where ended_at is null and expires_at < now() - make_interval(mins => $1)
       order by expires_at limit $2`,
    values: [HOLD_MINUTES, MOST],
  });
  return rows.map((row) => ({
    kind: 'hold_overdue',
    subject: row.operation_id,
    operationId: row.operation_id,
    detail: `A hold of ${row.amount} of account ${row.account_id} is open, and expired at ${row.since.toISOString()}.`,
  }));
}
