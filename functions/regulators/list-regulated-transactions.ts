// GET /v1/regulator/transactions: all transactions, for a regulator, newest first, with masked names.

import * as v from 'valibot';
import { defineFunction } from '../../shared/platform/http/function.ts';
import { cursorSchema, encodeCursor, limitSchema, startOf } from '../../shared/platform/http/page.ts';
import { Problem } from '../../shared/platform/http/problem.ts';
import { rangeInOrder } from '../../shared/platform/http/time.ts';
import { recordAccess } from '../../shared/regulators/access-log.ts';
import { regulatorWith } from '../../shared/regulators/caller.ts';
import { filterEntries } from '../../shared/regulators/filters.ts';
import {
  accountOfUser,
  allTransactionsOrder,
  readAccountPage,
  readPage,
  walletsOrder,
} from '../../shared/regulators/listing.ts';
import { regulatorHeaders, requireCase } from '../../shared/regulators/purpose.ts';
import { recordSchema } from '../../shared/regulators/record.ts';

const uuid = (what: string) => v.pipe(v.string(), v.toLowerCase(), v.uuid(`must be ${what} (a UUID)`));

const Query = v.pipe(
  v.strictObject({
    limit: limitSchema,
    cursor: cursorSchema,
    ...filterEntries,
    account_id: v.optional(
      v.pipe(uuid('an account id'), v.description('One wallet. Shows its own side of its transactions.')),
    ),
    user_id: v.optional(
      v.pipe(uuid('a user_id of a record'), v.description('One person, by the `user_id` of a record.')),
    ),
    unmask: v.optional(
      v.pipe(
        v.picklist(['true', 'false']),
        v.description(
          '`true` shows personal data. It needs READ_PERSONAL_DATA, the purpose INVESTIGATION, X-Case-Number, and ' +
            'one `account_id` or `user_id`.',
        ),
      ),
    ),
  }),
  rangeInOrder(),
  v.check(({ account_id, user_id }) => !(account_id && user_id), 'must name account_id or user_id, not both'),
  v.check(
    ({ unmask, account_id, user_id }) => unmask !== 'true' || (account_id ?? user_id) !== undefined,
    'must name account_id or user_id when it asks for personal data',
  ),
);

export default defineFunction({
  name: 'list-regulated-transactions',
  summary: 'Transactions, for regulators',
  description:
    'Each transaction once, newest first. A list shows the transactions that were committed when its first page was ' +
    'read. Nothing is skipped or repeated while new ones arrive and pending ones end. If few transactions match, a ' +
    'page may be short or empty: continue until `next_cursor` is null. With `account_id` or `user_id` you see that ' +
    'wallet’s side: pending ones first, the others by the time they ended. Transactions that are not open to ' +
    'regulators are left out here and counted in reports.',
  uses: { database: 'regulator', redis: true },
  http: {
    route: 'GET /v1/regulator/transactions',
    caller: regulatorWith('READ_TRANSACTIONS'),
    headers: regulatorHeaders,
    beforeAnswer: recordAccess,
    query: Query,
    answer: recordSchema,
    status: 200,
    list: true,
    errors: ['case_number_required', 'invalid_cursor'],

    handle: async ({ caller, headers, query: { limit, cursor, unmask, account_id, user_id, ...filters } }) => {
      const unmasked = unmask === 'true';
      if (unmasked) {
        if (!caller.permissions.includes('READ_PERSONAL_DATA')) throw new Problem('not_permitted');
        requireCase(headers);
      }
      const belongsTo = { ...filters, account_id, user_id, unmasked };
      const ofWallet = (user_id ?? account_id) !== undefined;
      const after = startOf(cursor, belongsTo, ofWallet ? walletsOrder : allTransactionsOrder);
      const account = user_id === undefined ? account_id : await accountOfUser(user_id);
      if (user_id !== undefined && account === undefined) return { data: [], nextCursor: null };
      const { transactions, next } =
        account === undefined
          ? await readPage(filters, after, limit, unmasked)
          : await readAccountPage(account, filters, after, limit, unmasked);
      return { data: transactions, nextCursor: next === undefined ? null : encodeCursor(next, belongsTo) };
    },
  },
});
