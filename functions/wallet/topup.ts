// POST /v1/topup: opens a top-up of the caller's wallet and says where to pay it.

import * as v from 'valibot';
import { defineFunction } from '../../shared/platform/http/function.ts';
import { paymentMethodSchema } from '../../shared/providers/providers.ts';
import { user } from '../../shared/sessions/caller.ts';
import { answerTopup } from '../../shared/topups/opening.ts';
import { returnUrlSchema } from '../../shared/topups/request.ts';
import { keyOf } from '../../shared/wallet/idempotency.ts';
import { amountSchema } from '../../shared/wallet/request.ts';
import { transactionSchema } from '../../shared/wallet/transaction.ts';

export default defineFunction({
  name: 'topup',
  summary: 'Top the wallet up from another one',
  description:
    'The answer is a `PENDING` transaction and `redirect_url`, where the payer confirms with the provider until `expires_at`. The ' +
    'balance changes when the transaction becomes `SUCCESS`. Both are null when there is nothing left to pay: the transaction then ' +
    'says how it ended.',
  uses: { database: 'money', redis: true, kafka: true, accessTokens: 'verify', providers: true },
  http: {
    route: 'POST /v1/topup',
    limit: { perMinute: 60, by: 'user' },
    caller: user,
    idempotencyKey: true,
    body: v.strictObject({
      amount: amountSchema,
      payment_method: v.pipe(paymentMethodSchema, v.examples(['GOPAY'])),
      return_url: v.optional(returnUrlSchema),
    }),
    answer: v.object({
      transaction: transactionSchema,
      redirect_url: v.nullable(v.pipe(v.string(), v.url(), v.description("The provider's page for the payer."))),
      expires_at: v.nullable(v.pipe(v.string(), v.isoTimestamp(), v.description('UTC, RFC 3339.'))),
    }),
    status: 202,
    errors: [
      'account_not_found',
      'account_closed',
      'account_suspended',
      'currency_mismatch',
      'balance_limit_exceeded',
      'incoming_limit_exceeded',
      'balance_too_large',
      'money_frozen',
      'payment_method_unavailable',
      'provider_refused',
    ],

    handle: ({ caller, body, idempotency, trace: { traceparent } }) =>
      answerTopup({
        key: keyOf(caller.accountId, idempotency, body),
        amount: body.amount,
        method: body.payment_method,
        returnUrl: body.return_url,
        traceparent,
      }),
  },
});
