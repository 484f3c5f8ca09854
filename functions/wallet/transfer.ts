// POST /v1/transfer: moves money from the caller's wallet to another person's, at once.

import * as v from 'valibot';
import { defineFunction } from '../../shared/http/function.ts';
import { Problem } from '../../shared/http/problem.ts';
import { unlessAnswered } from '../../shared/ledger/keys.ts';
import { move } from '../../shared/ledger/move.ts';
import { counterpartyOf, type Payee, type PayeeName, payeeOf } from '../../shared/ledger/payees.ts';
import { movementProblems } from '../../shared/ledger/refusals.ts';
import { amountSchema, descriptionSchema, particularsFrom, payeeSchema } from '../../shared/ledger/request.ts';
import { transactionSchema } from '../../shared/ledger/transaction.ts';
import { user } from '../../shared/sessions/caller.ts';

export default defineFunction({
  name: 'transfer',
  summary: 'Send money to another person',
  description:
    'By username, phone number or account id. The money has moved when the answer is 201. Merchants are paid with /v1/pay.',
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

    handle: async ({ caller: { accountId }, body, idempotencyKey, trace: { traceparent } }) => {
      const key = { accountId, key: idempotencyKey, function: 'transfer', request: JSON.stringify(body) };
      const looked = await unlessAnswered(key, () => personOf(body.to));
      if ('answer' in looked) return { kept: looked.answer, replayed: true };
      const payee = looked.found;
      return move({
        key,
        movement: {
          name: 'transfer',
          type: 'TRANSFER',
          debit: accountId,
          credit: payee.accountId,
          ...particularsFrom(body),
        },
        counterparty: counterpartyOf(payee),
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
