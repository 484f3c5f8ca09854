// GET /v1/account: the caller's wallet.

import * as v from 'valibot';
import { query } from '../../shared/database/database.ts';
import { defineFunction } from '../../shared/http/function.ts';
import { Problem } from '../../shared/http/problem.ts';
import { user } from '../../shared/sessions/caller.ts';

export default defineFunction({
  name: 'get-account',
  summary: "The caller's wallet",
  http: {
    route: 'GET /v1/account',
    caller: user,
    answer: v.object({
      account: v.object({
        id: v.pipe(v.string(), v.uuid()),
        balance: v.pipe(v.string(), v.examples(['150000.00'])),
        available: v.pipe(v.string(), v.description('What can be spent now.'), v.examples(['150000.00'])),
        currency: v.string(),
        status: v.picklist(['ACTIVE', 'SUSPENDED', 'CLOSED']),
        updated_at: v.pipe(v.string(), v.isoTimestamp()),
      }),
    }),
    status: 200,
    errors: ['account_not_found'],

    handle: async ({ caller }) => {
      const [account] = await query<AccountRow>({
        name: 'get-account',
        text: 'select id, balance, currency, account_status, updated_at from accounts where id = $1',
        values: [caller.accountId],
      });
      if (!account) throw new Problem('account_not_found');
      const { id, balance, currency, account_status: status, updated_at } = account;
      return {
        data: { account: { id, balance, available: balance, currency, status, updated_at: updated_at.toISOString() } },
      };
    },
  },
});

interface AccountRow {
  id: string;
  balance: string;
  currency: string;
  account_status: 'ACTIVE' | 'SUSPENDED' | 'CLOSED';
  updated_at: Date;
}
