// POST /v1/transfer: moves money from the caller's wallet to another person's, at once.

import * as v from 'valibot';
import type { Payee, PayeeName } from '../../shared/ledger/reading/payees.ts';
import { defineFunction } from '../../shared/platform/http/function.ts';
import { Problem } from '../../shared/platform/http/problem.ts';
import { user } from '../../shared/sessions/caller.ts';
import { keyOf, unlessAnswered } from '../../shared/wallet/idempotency.ts';
import { answerMovement } from '../../shared/wallet/movement.ts';
import { payeeOf } from '../../shared/wallet/payee.ts';
import { movementProblems } from '../../shared/wallet/refusals.ts';
import { amountSchema, descriptionSchema, particularsFrom, payeeSchema } from '../../shared/wallet/request.ts';
import { transactionSchema } from '../../shared/wallet/transaction.ts';

export default defineFunction({
  name: 'transfer',
  summary: 'Send money to another person',
  description:
    'By username, proven phone number or account id. The money has moved when the answer is 201. Pay merchants with ' +
    '/v1/pay.',
  uses: { database: 'money', redis: true, kafka: true, accessTokens: 'verify' },
  http: {
    route: 'POST /v1/transfer',
    limit: { perMinute: 300, by: 'user' },
    caller: user,
    idempotencyKey: true,
    body: v.strictObject({
      amount: amountSchema,
      to: payeeSchema,
      description: v.optional(descriptionSchema),
    }),
    answer: v.object({ transaction: transactionSchema }),
    status: 201,
    errors: [...movementProblems, 'payee_not_a_person'],

    handle: async ({ caller: { accountId }, body, idempotency, trace: { traceparent } }) => {
      const key = keyOf(accountId, idempotency, body);
      const payee = await unlessAnswered(key, () => personOf(body.to));
      if ('kept' in payee) return payee;
      return answerMovement({
        key,
        movement: {
          name: 'transfer',
          type: 'TRANSFER',
          from: accountId,
          to: payee.accountId,
          ...particularsFrom(body),
        },
        counterparty: payee,
        event: 'one-gate.transfer.succeeded',
        traceparent,
      });
    },
  },
});

async function personOf(to: PayeeName): Promise<Payee> {
  const payee = await payeeOf(to);
  if (payee.type !== 'user') throw new Problem('payee_not_a_person');
  return payee;
}
