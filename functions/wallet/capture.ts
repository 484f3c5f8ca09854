// POST /v1/capture: takes the money that a payer has held for the caller.

import * as v from 'valibot';
import { defineFunction } from '../../shared/platform/http/function.ts';
import { user } from '../../shared/sessions/caller.ts';
import { keyOf } from '../../shared/wallet/idempotency.ts';
import { answerMovement } from '../../shared/wallet/movement.ts';
import { findReceived, receivedIdSchema } from '../../shared/wallet/received.ts';
import { receivedProblems } from '../../shared/wallet/refusals.ts';
import { amountSchema } from '../../shared/wallet/request.ts';
import { transactionSchema } from '../../shared/wallet/transaction.ts';

export default defineFunction({
  name: 'capture',
  summary: 'Capture a hold',
  description:
    'The payee captures a hold once, before it expires. Without `amount` it captures the whole hold. The rest of a ' +
    "smaller amount is the payer's again at once.",
  uses: { database: 'money', redis: true, kafka: true, accessTokens: 'verify' },
  http: {
    route: 'POST /v1/capture',
    limit: { perMinute: 300, by: 'user' },
    caller: user,
    idempotencyKey: true,
    body: v.strictObject({ transaction_id: receivedIdSchema, amount: v.optional(amountSchema) }),
    answer: v.object({ transaction: transactionSchema }),
    status: 201,
    errors: [...receivedProblems, 'transaction_not_pending', 'hold_expired', 'capture_too_large'],

    handle: async ({ caller: { accountId }, body, idempotency, trace: { traceparent } }) => {
      const { operationId, payer } = await findReceived(accountId, body.transaction_id, 'transaction_not_pending');
      return answerMovement({
        key: keyOf(accountId, idempotency, body),
        operationId,
        movement: {
          name: 'capture',
          operationId,
          from: payer.accountId,
          to: accountId,
          amount: body.amount,
        },
        counterparty: payer,
        event: 'one-gate.payment.succeeded',
        traceparent,
      });
    },
  },
});
