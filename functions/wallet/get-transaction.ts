// GET /v1/transactions/{id}: the caller's side of one transaction.

import * as v from 'valibot';
import { readOwnLeg } from '../../shared/ledger/reading/history.ts';
import { parseTransactionName } from '../../shared/ledger/rules/ids.ts';
import { defineFunction } from '../../shared/platform/http/function.ts';
import { Problem } from '../../shared/platform/http/problem.ts';
import { maxCharacters } from '../../shared/platform/http/text.ts';
import { user } from '../../shared/sessions/caller.ts';
import { transactionOf, transactionSchema } from '../../shared/wallet/transaction.ts';

export default defineFunction({
  name: 'get-transaction',
  summary: "One of the caller's transactions",
  description:
    "`{id}` is either leg's id or transaction_id, or the operation_id; only a party to the transaction finds it.",
  uses: { database: 'reader', redis: true, accessTokens: 'verify' },
  http: {
    route: 'GET /v1/transactions/{id}',
    limit: { perMinute: 600, by: 'user' },
    caller: user,
    path: v.strictObject({ id: v.pipe(v.string(), maxCharacters(50)) }),
    answer: v.object({ transaction: transactionSchema }),
    status: 200,
    errors: ['transaction_not_found'],

    handle: async ({ caller, path }) => {
      const id = parseTransactionName(path.id);
      const own = id && (await readOwnLeg(caller.accountId, id));
      if (!own) throw new Problem('transaction_not_found');
      return { data: { transaction: transactionOf(own) } };
    },
  },
});
