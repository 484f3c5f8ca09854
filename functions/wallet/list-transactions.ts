// GET /v1/transactions: the caller's history, newest change first, in pages.

import * as v from 'valibot';
import { defineFunction } from '../../shared/http/function.ts';
import { cursorSchema, decodeCursor, encodeCursor, limitSchema } from '../../shared/http/page.ts';
import { readHistory } from '../../shared/ledger/history.ts';
import { referenceSchema } from '../../shared/ledger/request.ts';
import { transactionSchema } from '../../shared/ledger/transaction.ts';
import { user } from '../../shared/sessions/caller.ts';

const timeSchema = v.pipe(
  v.string(),
  v.isoTimestamp('must be a time with a zone, such as 2026-11-20T00:00:00+07:00 (with + written as %2B)'),
  v.check((text) => !Number.isNaN(Date.parse(text)), 'must be a time that exists'),
);

export default defineFunction({
  name: 'list-transactions',
  summary: "The caller's transactions, newest change first",
  description:
    'A pending transaction that comes to its end moves to the top. Filters can be combined; `from` is inclusive, `to` is not.',
  http: {
    route: 'GET /v1/transactions',
    caller: user,
    query: v.strictObject({
      limit: limitSchema,
      cursor: cursorSchema,
      type: v.optional(v.picklist(['TOPUP', 'PAYMENT', 'REFUND', 'TRANSFER'])),
      status: v.optional(v.picklist(['PENDING', 'SUCCESS', 'FAILED', 'CANCELLED'])),
      payment_method: v.optional(v.picklist(['GOPAY', 'SHOPEE_PAY'])),
      from: v.optional(timeSchema),
      to: v.optional(timeSchema),
      reference: v.optional(referenceSchema),
    }),
    answer: transactionSchema,
    status: 200,
    list: true,
    errors: ['invalid_cursor'],

    handle: async ({ caller, query: { limit, cursor, ...filters } }) => {
      const below = cursor === undefined ? undefined : decodeCursor(cursor, filters, /^\d{1,19}$/);
      const { transactions, next } = await readHistory(caller.accountId, filters, below, limit);
      return { data: transactions, nextCursor: next === undefined ? null : encodeCursor(next, filters) };
    },
  },
});
