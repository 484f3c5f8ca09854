// POST /v1/pay: moves money from the caller's wallet to another one, at once.

import * as v from 'valibot';
import { defineFunction } from '../../shared/platform/http/function.ts';
import { user } from '../../shared/sessions/caller.ts';
import { keyOf, unlessAnswered } from '../../shared/wallet/idempotency.ts';
import { answerMovement } from '../../shared/wallet/movement.ts';
import { payeeOf } from '../../shared/wallet/payee.ts';
import { movementProblems } from '../../shared/wallet/refusals.ts';
import {
  amountSchema,
  descriptionSchema,
  metadataSchema,
  particularsFrom,
  payeeSchema,
  referenceSchema,
} from '../../shared/wallet/request.ts';
import { transactionSchema } from '../../shared/wallet/transaction.ts';

export default defineFunction({
  name: 'pay',
  summary: 'Pay a person or a merchant from the wallet',
  description:
    'The money has moved when the answer is 201: both sides see their leg at once. Repeat with the same key as often ' +
    'as needed.',
  uses: { database: 'money', redis: true, kafka: true, accessTokens: 'verify' },
  http: {
    route: 'POST /v1/pay',
    limit: { perMinute: 300, by: 'user' },
    caller: user,
    idempotencyKey: true,
    body: v.strictObject({
      amount: amountSchema,
      to: payeeSchema,
      reference: v.optional(referenceSchema),
      description: v.optional(descriptionSchema),
      metadata: v.optional(metadataSchema),
    }),
    answer: v.object({ transaction: transactionSchema }),
    status: 201,
    errors: movementProblems,

    handle: async ({ caller: { accountId }, body, idempotency, trace: { traceparent } }) => {
      const key = keyOf(accountId, idempotency, body);
      const payee = await unlessAnswered(key, () => payeeOf(body.to));
      if ('kept' in payee) return payee;
      return answerMovement({
        key,
        movement: {
          name: 'transfer',
          type: 'PAYMENT',
          from: accountId,
          to: payee.accountId,
          ...particularsFrom(body),
        },
        counterparty: payee,
        event: 'one-gate.payment.succeeded',
        traceparent,
      });
    },
  },
});
