// POST /v1/pay: moves money from the caller's wallet to another one, at once.

import * as v from 'valibot';
import { defineFunction } from '../../shared/http/function.ts';
import { newOperationId } from '../../shared/ledger/ids.ts';
import { post } from '../../shared/ledger/ledger.ts';
import { type Payee, payeeOf } from '../../shared/ledger/payees.ts';
import { paymentSucceeded } from '../../shared/ledger/payment-events.ts';
import type { Decided, Leg, Response } from '../../shared/ledger/posting.ts';
import { movementProblems, type Refusal, refusal } from '../../shared/ledger/refusals.ts';
import {
  amountSchema,
  descriptionSchema,
  metadataSchema,
  payeeSchema,
  referenceSchema,
} from '../../shared/ledger/request.ts';
import { transactionOf, transactionSchema } from '../../shared/ledger/transaction.ts';
import { CURRENCY, parseAmount } from '../../shared/money.ts';
import { user } from '../../shared/sessions/caller.ts';

export default defineFunction({
  name: 'pay',
  summary: 'Pay a person or a merchant from the wallet',
  description:
    'The money has moved when the answer is 201: both sides see their leg at once. Repeat with the same key as often as needed.',
  http: {
    route: 'POST /v1/pay',
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

    handle: async ({ caller, body, idempotencyKey, trace }) => {
      const payee = await payeeOf(body.to);
      const { answer, replayed } = await post({
        key: { accountId: caller.accountId, key: idempotencyKey, function: 'pay', request: JSON.stringify(body) },
        operationId: newOperationId(),
        movement: {
          name: 'transfer',
          type: 'PAYMENT',
          debit: caller.accountId,
          credit: payee.accountId,
          amount: parseAmount(body.amount),
          currency: CURRENCY,
          ...(body.description !== undefined && { description: body.description }),
          ...(body.reference !== undefined && { externalReference: body.reference }),
          ...(body.metadata !== undefined && { metadata: JSON.stringify(body.metadata) }),
        },
        respond: (decided) => respond(decided, payee, trace.traceparent),
      });
      return { kept: answer ?? refusal('key_in_progress'), replayed };
    },
  },
});

/** The payer's leg is the answer; the event tells of both. */
function respond({ outcome, legs }: Decided, payee: Payee, traceparent: string): Response {
  if (outcome !== 'posted') return { answer: refusal(outcome as Refusal) };
  const [debit, credit] = legs as [Leg, Leg];
  const counterparty = { account_id: payee.accountId, username: payee.username, type: payee.type };
  return {
    answer: { status: 201, body: JSON.stringify({ transaction: transactionOf(debit, counterparty) }) },
    events: [paymentSucceeded(debit, credit, traceparent)],
  };
}
