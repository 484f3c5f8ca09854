// POST /v1/pay: moves money from the caller's wallet to another one, at once.

import * as v from 'valibot';
import { defineFunction } from '../../shared/http/function.ts';
import { unlessAnswered } from '../../shared/ledger/keys.ts';
import { move } from '../../shared/ledger/move.ts';
import { counterpartyOf, payeeOf } from '../../shared/ledger/payees.ts';
import { movementProblems } from '../../shared/ledger/refusals.ts';
import {
  amountSchema,
  descriptionSchema,
  metadataSchema,
  particularsFrom,
  payeeSchema,
  referenceSchema,
} from '../../shared/ledger/request.ts';
import { transactionSchema } from '../../shared/ledger/transaction.ts';
import { user } from '../../shared/sessions/caller.ts';

export default defineFunction({
  name: 'pay',
  summary: 'Pay a person or a merchant from the wallet',
  description:
    'The money has moved when the answer is 201: both sides see their leg at once. Repeat with the same key as often as needed.',
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

    handle: async ({ caller: { accountId }, body, idempotencyKey, trace: { traceparent } }) => {
      const key = { accountId, key: idempotencyKey, function: 'pay', request: JSON.stringify(body) };
      const looked = await unlessAnswered(key, () => payeeOf(body.to));
      if ('answer' in looked) return { kept: looked.answer, replayed: true };
      const payee = looked.found;
      return move({
        key,
        movement: {
          name: 'transfer',
          type: 'PAYMENT',
          debit: accountId,
          credit: payee.accountId,
          ...particularsFrom(body),
        },
        counterparty: counterpartyOf(payee),
        event: 'one-gate.payment.succeeded',
        traceparent,
      });
    },
  },
});
