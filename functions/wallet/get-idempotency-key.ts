// GET /v1/idempotency-keys/{key}: the answer of an earlier request, for a caller that has lost it.

import * as v from 'valibot';
import { idempotencyKeyIn } from '../../shared/platform/host/input.ts';
import { defineFunction } from '../../shared/platform/http/function.ts';
import { Problem } from '../../shared/platform/http/problem.ts';
import { user } from '../../shared/sessions/caller.ts';
import { readKeyState } from '../../shared/wallet/key-state.ts';
import { transactionSchema } from '../../shared/wallet/transaction.ts';

const time = v.pipe(v.string(), v.isoTimestamp(), v.description('UTC, RFC 3339.'));

export default defineFunction({
  name: 'get-idempotency-key',
  summary: 'Look up a request by its Idempotency-Key',
  description:
    "Keys are the caller's account's own. `{key}` is percent-encoded; it may be quoted as in the header, which a key " +
    'such as `..` needs, since `..` means something else in an address. You also get a completed answer again by ' +
    'sending the same request with the same key.',
  uses: { database: 'reader', redis: true, accessTokens: 'verify' },
  http: {
    route: 'GET /v1/idempotency-keys/{key}',
    limit: { perMinute: 300, by: 'user' },
    caller: user,
    path: v.strictObject({
      key: v.pipe(
        v.string(),
        v.check((written) => idempotencyKeyIn(written) !== undefined, 'must be 1 to 255 printable ASCII characters'),
        v.transform((written) => idempotencyKeyIn(written) ?? ''),
        v.examples(['8e03978e-40d5-43dd-bc93-6894a57f9324']),
      ),
    }),
    answer: v.object({
      idempotency_key: v.pipe(v.string(), v.examples(['8e03978e-40d5-43dd-bc93-6894a57f9324'])),
      state: v.pipe(
        v.picklist(['completed', 'in_progress']),
        v.description('In progress: we are asking a provider and have no answer yet.'),
      ),
      function: v.pipe(v.string(), v.description('The function that was called.'), v.examples(['pay'])),
      first_seen: time,
      expires_at: v.pipe(
        time,
        v.description('The key is kept at least until then: 30 days.'),
        v.examples(['2026-12-20T04:05:06.789Z']),
      ),
      outcome: v.pipe(
        v.picklist(['succeeded', 'pending', 'failed', 'unknown']),
        v.description(
          'The outcome of the request. If the answer was 202, it follows the transaction and is pending until ' +
            'that ends. Unknown while in progress.',
        ),
      ),
      status: v.pipe(
        v.nullable(v.number()),
        v.description('The HTTP status of the answer. Null while in progress.'),
        v.examples([201]),
      ),
      operation_id: v.pipe(v.nullable(v.pipe(v.string(), v.uuid())), v.description('Null if the request was refused.')),
      transaction: v.pipe(
        v.nullable(transactionSchema),
        v.description("The caller's side of the transaction, as it is now."),
      ),
    }),
    status: 200,
    errors: ['idempotency_key_not_found'],

    handle: async ({ caller, path }) => {
      const found = await readKeyState(caller.accountId, path.key);
      if (!found) throw new Problem('idempotency_key_not_found');
      return {
        data: {
          idempotency_key: path.key,
          state: found.state,
          function: found.function,
          first_seen: found.firstSeen.toISOString(),
          expires_at: found.expiresAt.toISOString(),
          outcome: found.outcome,
          status: found.status,
          operation_id: found.operationId,
          transaction: found.transaction,
        },
      };
    },
  },
});
