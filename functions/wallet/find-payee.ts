// GET /v1/payees: finds a person or a merchant to pay, by username or proven phone number.

import * as v from 'valibot';
import { maskName } from '../../shared/ledger/reading/payees.ts';
import { defineFunction } from '../../shared/platform/http/function.ts';
import { user } from '../../shared/sessions/caller.ts';
import { payeeOf } from '../../shared/wallet/payee.ts';
import { phoneSchema, usernameSchema } from '../../shared/wallet/request.ts';

export default defineFunction({
  name: 'find-payee',
  summary: 'Find a person or a merchant to pay',
  description:
    'Send exactly one of username and phone. A phone number finds the one person who has proven it. The answer to a ' +
    'phone number has no username: show `masked_name` to the payer, and pay to the `account_id` or to the phone ' +
    'number.',
  uses: { database: 'reader', redis: true, accessTokens: 'verify' },
  http: {
    route: 'GET /v1/payees',
    // Only this limit stops a sweep of the directory of people, so it refuses when it cannot count.
    limit: { perMinute: 120, by: 'user', whenUncounted: 'refuse' },
    caller: user,
    query: v.pipe(
      v.strictObject({
        username: v.optional(usernameSchema),
        phone: v.optional(
          v.pipe(
            v.string(),
            // A + in a query means a space unless it is written as %2B, and clients often forget that.
            v.transform((written) => written.replace(/^ /, '+')),
            phoneSchema,
          ),
        ),
      }),
      v.check(
        ({ username, phone }) => (username === undefined) !== (phone === undefined),
        'must have exactly one of username and phone',
      ),
    ),
    answer: v.object({
      payee: v.object({
        account_id: v.pipe(v.string(), v.uuid()),
        username: v.pipe(
          v.nullable(v.string()),
          v.description('Null if you searched by phone number.'),
          v.examples(['warung_sari']),
        ),
        masked_name: v.pipe(v.string(), v.description('Enough to recognise the payee.'), v.examples(['w****g s**i'])),
        type: v.picklist(['user', 'merchant']),
      }),
    }),
    status: 200,
    errors: ['payee_not_found'],

    handle: async ({ query }) => {
      const { accountId, username, type } = await payeeOf(query);
      return {
        data: {
          payee: {
            account_id: accountId,
            username: query.username === undefined ? null : username,
            masked_name: maskName(username),
            type,
          },
        },
      };
    },
  },
});
