// GET /v1/transactions: the caller's history, newest change first, in pages.

import * as v from 'valibot';
import { readHistory } from '../../shared/ledger/reading/history.ts';
import { defineFunction } from '../../shared/platform/http/function.ts';
import { byNumber, cursorSchema, encodeCursor, limitSchema, startOf } from '../../shared/platform/http/page.ts';
import { rangeEntries, rangeInOrder } from '../../shared/platform/http/time.ts';
import { paymentMethodSchema } from '../../shared/providers/providers.ts';
import { user } from '../../shared/sessions/caller.ts';
import { referenceSchema } from '../../shared/wallet/request.ts';
import { transactionOf, transactionSchema } from '../../shared/wallet/transaction.ts';

export default defineFunction({
  name: 'list-transactions',
  summary: "The caller's transactions, newest change first",
  description:
    'A pending transaction moves to the top when it ends. Filters can be combined. `from` (inclusive) and `to` ' +
    '(exclusive) compare `updated_at`, the time of the last change. The list is ordered by it.',
  uses: { database: 'reader', redis: true, accessTokens: 'verify' },
  http: {
    route: 'GET /v1/transactions',
    limit: { perMinute: 600, by: 'user' },
    caller: user,
    query: v.pipe(
      v.strictObject({
        limit: limitSchema,
        cursor: cursorSchema,
        type: v.optional(v.picklist(['TOPUP', 'PAYMENT', 'REFUND', 'TRANSFER'])),
        status: v.optional(v.picklist(['PENDING', 'SUCCESS', 'FAILED', 'CANCELLED'])),
        payment_method: v.optional(paymentMethodSchema),
        ...rangeEntries('Last changed'),
        reference: v.optional(referenceSchema),
      }),
      rangeInOrder(),
    ),
    answer: transactionSchema,
    status: 200,
    list: true,
    errors: ['invalid_cursor'],

    handle: async ({ caller, query: { limit, cursor, ...filters } }) => {
      const below = startOf(cursor, filters, byNumber);
      const { legs, next } = await readHistory(caller.accountId, filters, below, limit);
      return { data: legs.map(transactionOf), nextCursor: next === undefined ? null : encodeCursor(next, filters) };
    },
  },
});
