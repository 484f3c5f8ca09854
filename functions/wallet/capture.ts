// POST /v1/capture: takes what a payer has set aside for the caller.

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
  summary: 'Take what is held',
  description:
    'Once per hold, by its payee and before it expires. Without `amount` all of it is taken; the rest of a smaller one is the ' +
    "payer's again at once.",
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
