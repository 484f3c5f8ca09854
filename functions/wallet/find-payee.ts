// GET /v1/payees: finds somebody to pay by username or proven phone number.

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
    'Asked for a username or a phone number, exactly one of them. A phone number finds the one person who has proven it to be theirs, and ' +
    'does not tell the username: show ' +
    '`masked_name` to the payer, and pay to the `account_id` or to the phone number.',
  uses: { database: 'reader', redis: true, accessTokens: 'verify' },
  http: {
    route: 'GET /v1/payees',
    // It is all that stops a sweep of the directory of people.
    limit: { perMinute: 120, by: 'user', whenUncounted: 'refuse' },
    caller: user,
    query: v.pipe(
      v.strictObject({
        username: v.optional(usernameSchema),
        phone: v.optional(
          v.pipe(
            v.string(),
            // In a query + is a space unless it is written as %2B, and it often is not.
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
          v.description('Null for whoever was looked for by phone number.'),
          v.examples(['warung_sari']),
        ),
        masked_name: v.pipe(v.string(), v.description('Enough to recognise somebody by.'), v.examples(['w****g s**i'])),
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
