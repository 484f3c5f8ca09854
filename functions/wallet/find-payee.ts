// GET /v1/payees: finds somebody to pay by username.

import * as v from 'valibot';
import { defineFunction } from '../../shared/http/function.ts';
import { findPayee, maskName } from '../../shared/ledger/payees.ts';
import { user } from '../../shared/sessions/caller.ts';

export default defineFunction({
  name: 'find-payee',
  summary: 'Find a person or a merchant to pay',
  http: {
    route: 'GET /v1/payees',
    caller: user,
    query: v.strictObject({
      username: v.pipe(
        v.string(),
        v.trim(),
        v.toLowerCase(),
        v.minLength(3, 'must have at least 3 characters'),
        v.maxLength(30, 'must have at most 30 characters'),
      ),
    }),
    answer: v.object({
      payee: v.object({
        account_id: v.pipe(v.string(), v.uuid()),
        username: v.string(),
        masked_name: v.pipe(v.string(), v.description('Enough to recognise somebody by.'), v.examples(['w****g s**i'])),
        type: v.picklist(['user', 'merchant']),
      }),
    }),
    status: 200,
    errors: ['payee_not_found'],

    handle: async ({ query }) => {
      const { accountId, username, type } = await findPayee(query.username);
      return { data: { payee: { account_id: accountId, username, masked_name: maskName(username), type } } };
    },
  },
});
