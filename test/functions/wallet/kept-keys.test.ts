// Keys outlive releases: keys of the version before get its answers, and a repetition across a release is recognised.

import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import * as v from 'valibot';
import { newOperationId } from '../../../shared/ledger/rules/ids.ts';
import type { Served } from '../../../shared/platform/host/serve.ts';
import type { FunctionDeclaration } from '../../../shared/platform/http/function.ts';
import { call, type Person, serveWallet, type WalletService } from './wallet-service.ts';

let service: WalletService;
let payer: Person;
/** `pay` after a release. */
let next: Served;

beforeAll(async () => {
  service = await serveWallet(async () => [
    (await import('../../../functions/wallet/pay.ts')).default,
    (await import('../../../functions/wallet/hold.ts')).default,
    (await import('../../../functions/wallet/get-idempotency-key.ts')).default,
  ]);
  payer = await service.openWallet({ balance: '1000.00' });
  await service.openWallet({ username: 'warung_sari', type: 'merchant' });
});

afterAll(async () => {
  await next.drain();
  await service.close();
});

/** A key as the version before results has left it. */
async function keepAsBefore(by: string, request: object, status: number, answer: object) {
  const key = randomUUID();
  await service.admin.query(
    `insert into idempotency_keys (account_id, key, function, request, operation_id, status, answer)
     values ($1, $2, $3, $4, $5, $6, $7)`,
    [payer.accountId, key, by, JSON.stringify(request), newOperationId(), status, JSON.stringify(answer)],
  );
  return key;
}

const balance = async () =>
  (await service.admin.query('select balance from accounts where id = $1', [payer.accountId])).rows[0].balance;

describe('a key of the version before results', () => {
  const paid = { transaction: { id: 'as it was', odd: [1, null] } };
  const to = { username: 'warung_sari' };

  test.each([
    ['pay', { amount: '10', to: { username: 'Warung_Sari' } }, { amount: '10.00', to }],
    [
      'pay',
      { metadata: { b: '2', a: '1' }, to, amount: '10.00' },
      { amount: '10.00', to, metadata: { a: '1', b: '2' } },
    ],
    ['hold', { amount: '10', to }, { amount: '10.00', to, expires_in: 604_800 }],
  ])('of %s is answered byte for byte, and moves nothing', async (by, body, request) => {
    const key = await keepAsBefore(by, request, 201, paid);
    const before = await balance();
    const answer = await service.call(by, `/v1/${by}`, { as: payer, key, body });
    expect([answer.status, answer.headers.get('idempotent-replayed')]).toEqual([201, 'true']);
    expect(answer.text).toContain(`{"data":${JSON.stringify(paid)},"outcome":"succeeded","safe_to_retry":true,`);
    expect(await balance()).toBe(before);
    const other = await service.call(by, `/v1/${by}`, { as: payer, key, body: { ...body, amount: '11' } });
    expect([other.status, other.body.errors[0].pointer]).toEqual([422, '/amount']);
  });

  test('of a refusal is refused with the same words', async () => {
    const refused = { type: 'https://one-gate.test/errors/x', title: 'As it was called', status: 402, code: 'x' };
    const key = await keepAsBefore('pay', { amount: '10.00', to }, 402, refused);
    const answer = await service.call('pay', '/v1/pay', { as: payer, key, body: { amount: '10.00', to } });
    expect(answer.status).toBe(402);
    expect(answer.text).toContain(JSON.stringify(refused).slice(0, -1));
    const path = `/v1/idempotency-keys/${key}`;
    const state = await service.call('get-idempotency-key', path, { method: 'GET', as: payer });
    expect(state.body.data).toMatchObject({ state: 'completed', outcome: 'failed', status: 402, operation_id: null });
  });
});

describe('while instances of two versions run', () => {
  beforeAll(async () => {
    const { serve } = await import('../../../shared/platform/host/serve.ts');
    const pay = (await import('../../../functions/wallet/pay.ts')).default as Required<FunctionDeclaration>;
    const { entries } = pay.http.body as unknown as { entries: v.ObjectEntries };
    const inAnotherOrder = Object.fromEntries(Object.entries(entries).reverse());
    const urgency = v.optional(v.picklist(['normal', 'high']), 'normal');
    next = await serve([{ ...pay, http: { ...pay.http, body: v.strictObject({ urgency, ...inAnotherOrder }) } }], 0);
  });

  test('a repetition is recognised by both versions', async () => {
    const body = { amount: '10', to: { username: 'warung_sari' }, metadata: { b: '2', a: '1' } };
    const now = (key: string) => service.call('pay', '/v1/pay', { as: payer, key, body });
    const later = (key: string) => call(`http://127.0.0.1:${next.port}/v1/pay`, { as: payer, key, body });
    for (const [first, second] of [
      [now, later],
      [later, now],
    ] as const) {
      const key = randomUUID();
      const [answer, again] = [await first(key), await second(key)];
      expect([answer.status, again.status, again.headers.get('idempotent-replayed')]).toEqual([201, 201, 'true']);
      expect(again.body.data).toEqual(answer.body.data);
    }
  });

  test('another request is told what differs', async () => {
    const key = randomUUID();
    const body = { amount: '10', to: { username: 'warung_sari' } };
    await service.call('pay', '/v1/pay', { as: payer, key, body });
    const other = await call(`http://127.0.0.1:${next.port}/v1/pay`, {
      as: payer,
      key,
      body: { ...body, urgency: 'high' },
    });
    expect([other.status, other.body.errors]).toEqual([
      422,
      [{ pointer: '/urgency', detail: 'differs from the first request with this key' }],
    ]);
  });
});

test('a version before results finds its own form of the request in the row, and no answer yet', async () => {
  const key = randomUUID();
  const body = { to: { username: 'Warung_Sari' }, amount: '10' };
  expect((await service.call('pay', '/v1/pay', { as: payer, key, body })).status).toBe(201);
  const { rows } = await service.admin.query(
    'select request, sent, status, answer, result::json from idempotency_keys where key = $1',
    [key],
  );
  expect(rows).toEqual([
    {
      request: '{"amount":"10.00","to":{"username":"warung_sari"}}',
      sent: '{"amount":"10","to":{"username":"Warung_Sari"}}',
      status: null,
      answer: null,
      result: expect.objectContaining({ renderer: 1, outcome: 'posted' }),
    },
  ]);
});
