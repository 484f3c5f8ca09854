// POST /v1/cancel: gives up a top-up that is not paid yet.

import * as v from 'valibot';
import { readOwnLeg } from '../../shared/ledger/reading/history.ts';
import { parseTransactionName } from '../../shared/ledger/rules/ids.ts';
import { defineFunction } from '../../shared/platform/http/function.ts';
import { Problem } from '../../shared/platform/http/problem.ts';
import { maxCharacters } from '../../shared/platform/http/text.ts';
import { user } from '../../shared/sessions/caller.ts';
import { answerCancellation } from '../../shared/topups/cancellation.ts';
import { keyOf } from '../../shared/wallet/idempotency.ts';
import { transactionSchema } from '../../shared/wallet/transaction.ts';

export default defineFunction({
  name: 'cancel',
  summary: 'Cancel a top-up that is not paid yet',
  description:
    'Only the provider can say that nothing will be paid any more. 200: the transaction has come to its end, as `CANCELLED`, or as ' +
    '`SUCCESS` when it had just been paid. 202: it is still `PENDING`; the provider could not be asked in time and will be asked again, ' +
    'so read the transaction later.',
  uses: { database: 'money', redis: true, kafka: true, accessTokens: 'verify', providers: true },
  http: {
    route: 'POST /v1/cancel',
    limit: { perMinute: 60, by: 'user' },
    caller: user,
    idempotencyKey: true,
    body: v.strictObject({
      transaction_id: v.pipe(
        v.string(),
        maxCharacters(50),
        v.description("The top-up's transaction_id, id or operation_id."),
        v.examples(['TOP-01A192E762807ABC8DEF012345678902']),
      ),
    }),
    answer: v.object({ transaction: transactionSchema }),
    status: 200,
    alsoStatus: { 202: 'Still PENDING: the provider could not say, and will be asked again.' },
    errors: ['transaction_not_found', 'transaction_not_pending'],

    handle: async ({ caller: { accountId }, body, idempotency, trace: { traceparent } }) => {
      const id = parseTransactionName(body.transaction_id);
      const own = id && (await readOwnLeg(accountId, id));
      if (!own) throw new Problem('transaction_not_found');
      return answerCancellation(keyOf(accountId, idempotency, body), own, traceparent);
    },
  },
});
