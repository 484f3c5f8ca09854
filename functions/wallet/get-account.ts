// GET /v1/account: the caller's wallet, now or at a time in the past.

import * as v from 'valibot';
import { readAccount, readAccountAt } from '../../shared/ledger/reading/account.ts';
import { defineFunction } from '../../shared/platform/http/function.ts';
import { Problem } from '../../shared/platform/http/problem.ts';
import { timeSchema } from '../../shared/platform/http/time.ts';
import { user } from '../../shared/sessions/caller.ts';

const amount = v.pipe(v.string(), v.examples(['150000.00']));
const time = v.pipe(v.string(), v.isoTimestamp());

export default defineFunction({
  name: 'get-account',
  summary: "The caller's wallet, now or at any time",
  description:
    'With `at` the answer shows the wallet at that moment, computed from its history; a movement at exactly that ' +
    'moment counts. Moments less than ten seconds ago can still change; older ones never do.',
  uses: { database: 'reader', redis: true, accessTokens: 'verify' },
  http: {
    route: 'GET /v1/account',
    limit: { perMinute: 600, by: 'user' },
    caller: user,
    query: v.strictObject({
      at: v.optional(v.pipe(timeSchema, v.description('A time in the past. The default is now.'))),
    }),
    answer: v.object({
      account: v.object({
        id: v.pipe(v.string(), v.uuid()),
        balance: v.pipe(amount, v.description('The money in the wallet, held money included.')),
        available: v.pipe(amount, v.description('The spendable money: the balance less the held money.')),
        currency: v.string(),
        status: v.pipe(
          v.nullable(v.picklist(['ACTIVE', 'SUSPENDED', 'CLOSED'])),
          v.description('Null with `at`: only the present status is known.'),
        ),
        verified: v.pipe(
          v.boolean(),
          v.description("The owner's identity is proven, which raises the wallet's limits."),
        ),
        updated_at: v.pipe(
          time,
          v.description(
            'The last change until `as_of`. If a transaction has changed again since, only its later change counts.',
          ),
        ),
        as_of: v.pipe(
          time,
          v.description('The moment that the figures are true for.'),
          v.examples(['2026-11-20T04:05:06.789Z']),
        ),
      }),
    }),
    status: 200,
    errors: ['account_not_found'],

    handle: async ({ caller, query: { at } }) => {
      if (at !== undefined && Date.parse(at) > Date.now()) throw unusable('must not be in the future');
      const account =
        at === undefined ? await readAccount(caller.accountId) : await readAccountAt(caller.accountId, at);
      if (!account) throw new Problem('account_not_found');
      if (account === 'not_there_yet') throw unusable('must not be before the wallet was opened');
      const { updated_at, as_of } = account;
      return {
        data: { account: { ...account, updated_at: updated_at.toISOString(), as_of: as_of.toISOString() } },
      };
    },
  },
});

function unusable(detail: string): Problem {
  return new Problem('invalid_request', { errors: [{ pointer: 'query/at', detail }] });
}
