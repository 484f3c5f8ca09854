// POST /v1/void: gives up what a payer has set aside for the caller.

import * as v from 'valibot';
import { defineFunction } from '../../shared/http/function.ts';
import { post } from '../../shared/ledger/ledger.ts';
import { findReceived, receivedIdSchema } from '../../shared/ledger/received.ts';
import { receivedProblems, refusal } from '../../shared/ledger/refusals.ts';
import { respond } from '../../shared/ledger/respond.ts';
import { transactionSchema } from '../../shared/ledger/transaction.ts';
import { user } from '../../shared/sessions/caller.ts';

export default defineFunction({
  name: 'void',
  summary: 'Give up what is held',
  description: "By the hold's payee. The payment becomes `CANCELLED` and the money is available to its payer again.",
  http: {
    route: 'POST /v1/void',
    caller: user,
    idempotencyKey: true,
    body: v.strictObject({ transaction_id: receivedIdSchema }),
    answer: v.object({ transaction: transactionSchema }),
    status: 201,
    errors: [...receivedProblems, 'transaction_not_pending'],

    handle: async ({ caller: { accountId }, body, idempotencyKey, trace: { traceparent } }) => {
      const { operationId, payer } = await findReceived(accountId, body.transaction_id, 'transaction_not_pending');
      const { answer, replayed } = await post({
        key: { accountId, key: idempotencyKey, function: 'void', request: JSON.stringify(body) },
        operationId,
        movement: { name: 'release', operationId, debit: payer.account_id, credit: accountId, why: 'voided' },
        respond: (decided) =>
          respond(decided, {
            accountId,
            counterparty: payer,
            by: 'void',
            event: 'one-gate.payment.voided',
            traceparent,
          }),
      });
      return { kept: answer ?? refusal('key_in_progress'), replayed };
    },
  },
});
