// POST /v1/hold: sets money of the caller's wallet aside for a payee, who captures it later.

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

/** Card schemes hold for seven days, too. */
const WEEK_SECONDS = 7 * 86_400;
const SHORTEST_SECONDS = 60;
const LONGEST_SECONDS = 30 * 86_400;

export default defineFunction({
  name: 'hold',
  summary: 'Set money aside for a payment that comes later',
  description:
    'The answer is a `PENDING` payment: the money is still in the wallet, but no longer available. Only the payee ' +
    'ends the hold, with /v1/capture (in whole or in part) or /v1/void; after `expires_at` it ends by itself and the ' +
    'money is available again.',
  uses: { database: 'money', redis: true, kafka: true, accessTokens: 'verify' },
  http: {
    route: 'POST /v1/hold',
    limit: { perMinute: 300, by: 'user' },
    caller: user,
    idempotencyKey: true,
    body: v.strictObject({
      amount: amountSchema,
      to: payeeSchema,
      expires_in: v.optional(
        v.pipe(
          v.number(),
          v.integer('must be a whole number of seconds'),
          v.minValue(SHORTEST_SECONDS, `must be at least ${SHORTEST_SECONDS} seconds`),
          v.maxValue(LONGEST_SECONDS, `must be at most ${LONGEST_SECONDS} seconds (30 days)`),
          v.description('Seconds. The default is seven days.'),
          v.examples([WEEK_SECONDS]),
        ),
        WEEK_SECONDS,
      ),
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
          name: 'hold',
          type: 'PAYMENT',
          from: accountId,
          to: payee.accountId,
          expiresInSeconds: body.expires_in,
          ...particularsFrom(body),
        },
        counterparty: payee,
        event: 'one-gate.payment.held',
        traceparent,
      });
    },
  },
});
