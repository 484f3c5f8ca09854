// An account as its owner sees it, now or at a moment in the past.

import { query } from '../../platform/database/database.ts';

/** Amounts as decimal strings with two decimals. */
export interface AccountState {
  id: string;
  balance: string;
  /** What can be spent: the balance without what is held. */
  available: string;
  currency: string;
  /** Null for a moment in the past: what the status was then is not kept. */
  status: 'ACTIVE' | 'SUSPENDED' | 'CLOSED' | null;
  /** The owner's identity is proven. */
  verified: boolean;
  /** Of the last change up to then. */
  updated_at: Date;
  /** The moment that all this is about. */
  as_of: Date;
}

/** Undefined: there is no such account. */
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

// Times are told in milliseconds and kept in microseconds: a moment is the whole of its millisecond.
const MOMENT = "date_trunc('milliseconds', $2::timestamptz) + interval '999 microseconds'";

/**
 * The account as it was at `moment` (RFC 3339), from its legs; 'not_there_yet' if it was made later. Final for moments that are ten seconds old:
 * what was being committed then may not be seen before.
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

/** Shown in test/bench, with its plan. */
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
