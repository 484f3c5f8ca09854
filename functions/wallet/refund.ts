// POST /v1/refund: gives a payment back to its payer, in whole or in part.

import * as v from 'valibot';
import { defineFunction } from '../../shared/platform/http/function.ts';
import { user } from '../../shared/sessions/caller.ts';
import { keyOf } from '../../shared/wallet/idempotency.ts';
import { answerMovement } from '../../shared/wallet/movement.ts';
import { findReceived, receivedIdSchema } from '../../shared/wallet/received.ts';
import { receivedProblems } from '../../shared/wallet/refusals.ts';
import { amountSchema, descriptionSchema } from '../../shared/wallet/request.ts';
import { transactionSchema } from '../../shared/wallet/transaction.ts';

export default defineFunction({
  name: 'refund',
  summary: 'Give a payment back, in whole or in part',
  description:
    'Only the payee of a payment can refund it. Each refund is a transaction of its own that names the payment ' +
    '(`refund_of`). Together they never exceed it. Without `amount` the whole rest is given back. Limits on e-money ' +
    "do not apply to refunds, nor does a suspension of the payer's wallet.",
  uses: { database: 'money', redis: true, kafka: true, accessTokens: 'verify' },
  http: {
    route: 'POST /v1/refund',
    limit: { perMinute: 300, by: 'user' },
    caller: user,
    idempotencyKey: true,
    body: v.strictObject({
      transaction_id: receivedIdSchema,
      amount: v.optional(amountSchema),
      reason: v.optional(descriptionSchema),
    }),
    answer: v.object({ transaction: transactionSchema }),
    status: 201,
    errors: [
      ...receivedProblems,
      'payee_unavailable',
      'transaction_not_refundable',
      'refund_too_large',
      'insufficient_funds',
      'balance_too_large',
    ],

    handle: async ({ caller: { accountId }, body, idempotency, trace: { traceparent } }) => {
      const { operationId, payer } = await findReceived(accountId, body.transaction_id, 'transaction_not_refundable');
      return answerMovement({
        key: keyOf(accountId, idempotency, body),
        movement: {
          name: 'refund',
          payment: operationId,
          from: accountId,
          to: payer.accountId,
          amount: body.amount,
          ...(body.reason !== undefined && { description: body.reason }),
        },
        counterparty: payer,
        event: 'one-gate.refund.succeeded',
        traceparent,
      });
    },
  },
});
