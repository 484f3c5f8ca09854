// POST /v1/void: gives up money that a payer has held for the caller.

import * as v from 'valibot';
import { defineFunction } from '../../shared/platform/http/function.ts';
import { user } from '../../shared/sessions/caller.ts';
import { keyOf } from '../../shared/wallet/idempotency.ts';
import { answerMovement } from '../../shared/wallet/movement.ts';
import { findReceived, receivedIdSchema } from '../../shared/wallet/received.ts';
import { receivedProblems } from '../../shared/wallet/refusals.ts';
import { transactionSchema } from '../../shared/wallet/transaction.ts';

export default defineFunction({
  name: 'void',
  summary: 'Void a hold',
  description: 'The payee gives up the hold. The payment becomes `CANCELLED` and the payer can spend the money again.',
  uses: { database: 'money', redis: true, kafka: true, accessTokens: 'verify' },
  http: {
    route: 'POST /v1/void',
    limit: { perMinute: 300, by: 'user' },
    caller: user,
    idempotencyKey: true,
    body: v.strictObject({ transaction_id: receivedIdSchema }),
    answer: v.object({ transaction: transactionSchema }),
    status: 201,
    errors: [...receivedProblems, 'transaction_not_pending'],

    handle: async ({ caller: { accountId }, body, idempotency, trace: { traceparent } }) => {
      const { operationId, payer } = await findReceived(accountId, body.transaction_id, 'transaction_not_pending');
      return answerMovement({
        key: keyOf(accountId, idempotency, body),
        operationId,
        movement: { name: 'release', operationId, from: payer.accountId, to: accountId, why: 'voided' },
        counterparty: payer,
        event: 'one-gate.payment.voided',
        traceparent,
      });
    },
  },
});
