// An account as its owner sees it, now or at a time in the past.

import { query } from '../../platform/database/database.ts';

/** Amounts as decimal strings with two decimals. */
export interface AccountState {
  id: string;
  balance: string;
  /** The spendable money: the balance without the held money. */
  available: string;
  currency: string;
  /** Null for a moment in the past: the old status is not kept. */
  status: 'ACTIVE' | 'SUSPENDED' | 'CLOSED' | null;
  /** True if the owner's identity is proven. */
  verified: boolean;
  /** The time of the last change up to `as_of`. */
  updated_at: Date;
  /** The moment that the figures are true for. */
  as_of: Date;
}

/** Undefined if there is no such account. */
export async function readAccount(id: string): Promise<AccountState | undefined> {
  const [row] = await query<AccountState & { [column: string]: unknown }>({
    name: 'get-account',
    text: `
      select id, balance, balance - held as available, currency, account_status as status, verified_at is not null as verified, updated_at,
             clock_timestamp() as as_of
        from accounts where id = $1`,
    values: [id],
  });
  return row;
}

// The API tells times in milliseconds, the database keeps microseconds: a moment includes its whole millisecond.
const MOMENT = "date_trunc('milliseconds', $2::timestamptz) + interval '999 microseconds'";

/**
 * The account at `moment` (RFC 3339), computed from its legs; 'not_there_yet' if it was opened later. Final if the
 * moment is ten seconds old; before that, a commit in flight may be missing.
 */
export async function readAccountAt(id: string, moment: string): Promise<AccountState | 'not_there_yet' | undefined> {
  const [row] = await query<AccountState & { there: boolean; [column: string]: unknown }>({
    ...ACCOUNT_AT,
    values: [id, moment],
  });
  if (!row) return undefined;
  const { there, ...account } = row;
  return there ? account : 'not_there_yet';
}

/** Exported for test/bench, which shows its plan. */
export const ACCOUNT_AT = {
  name: 'get-account-at',
  text: `
    select account.id, coalesce(leg.balance_after, 0.00) as balance,
           coalesce(leg.balance_after, 0.00) - held_at(account.id, ${MOMENT}) as available,
           account.currency, null as status, coalesce(account.verified_at <= ${MOMENT}, false) as verified,
           coalesce(leg.updated_at, account.created_at) as updated_at, $2::timestamptz as as_of,
           account.created_at <= ${MOMENT} as there
      from accounts account left join leg_at(account.id, account.created_at, ${MOMENT}) leg on true
     where account.id = $1`,
};
