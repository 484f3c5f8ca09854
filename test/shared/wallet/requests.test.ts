// A request that an earlier version kept as its schema's output, as text, is still recognised, for every function that
// moves money.

import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import * as v from 'valibot';
import type { FunctionDeclaration } from '../../../shared/platform/http/function.ts';
import { idempotencyOf } from '../../../shared/platform/http/idempotency.ts';
import { keyOf } from '../../../shared/wallet/idempotency.ts';

const load = async (name: string) =>
  (await import(`../../../functions/wallet/${name}.ts`)).default as FunctionDeclaration;

const amount = fc
  .tuple(fc.bigInt(1n, 9_999_999_999_999n), fc.constantFrom('', '.0', '.5', '.05', '.00'))
  .map((parts) => parts.join(''));
const letters = fc.stringMatching(/^[A-Za-z._]{3,30}$/);
const payee = fc.oneof(
  letters.map((username) => ({ username: ` ${username} ` })),
  fc.uuid().map((id) => ({ account_id: id.toUpperCase() })),
  fc.stringMatching(/^08[1-9]\d{8}$/).map((phone) => ({ phone })),
);
const text = fc.string({ maxLength: 40, unit: 'grapheme-ascii' });
const notes = {
  reference: fc.string({ minLength: 1, maxLength: 40 }),
  description: text,
  metadata: fc.dictionary(fc.string({ minLength: 1, maxLength: 40 }), text, { maxKeys: 20 }),
};
const paid = { amount, to: payee, ...notes };
const optional = { requiredKeys: ['amount', 'to'] } as const;
const transactionId = fc.constant('PAY-01A192E762807ABC8DEF012345678902');

const bodies: Record<string, fc.Arbitrary<object>> = {
  pay: fc.record(paid, { requiredKeys: [...optional.requiredKeys] }),
  hold: fc.record(
    { ...paid, expires_in: fc.integer({ min: 60, max: 86_400 }) },
    { requiredKeys: [...optional.requiredKeys] },
  ),
  transfer: fc.record({ amount, to: payee, description: text }, { requiredKeys: ['amount', 'to'] }),
  refund: fc.record({ transaction_id: transactionId, amount, reason: text }, { requiredKeys: ['transaction_id'] }),
  capture: fc.record({ transaction_id: transactionId, amount }, { requiredKeys: ['transaction_id'] }),
  void: fc.record({ transaction_id: transactionId }),
  cancel: fc.record({ transaction_id: transactionId }),
  topup: fc.record(
    { amount, payment_method: fc.constant('GOPAY'), return_url: fc.constant('https://app.example/x') },
    { requiredKeys: ['amount', 'payment_method'] },
  ),
};

test.each(Object.entries(bodies))('%s', async (name, body) => {
  const schema = (await load(name)).http?.body as v.GenericSchema;
  fc.assert(
    fc.property(body, (drawn) => {
      const sent = JSON.parse(JSON.stringify(drawn));
      const checked = v.parse(schema, sent) as object;
      const key = keyOf('account', idempotencyOf(name, 'k', schema, sent, checked), checked);
      expect(key.differences?.(key.request)).toEqual([]);
      expect(key.differences?.(key.legacyRequest ?? '')).toEqual([]);
      const changed = JSON.stringify({ ...sent, another: 1 });
      expect(key.differences?.(changed)).toEqual(['/another']);
    }),
    { numRuns: 50 },
  );
});
