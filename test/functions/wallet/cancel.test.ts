// Cancelling a top-up: it is CANCELLED when the provider confirms it, and a payment is never lost.

import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { brokenPromises } from '../../setup/accounts.ts';
import { eventually, serveTopups, type TopupService } from '../settlement/topup-service.ts';
import type { Person } from './wallet-service.ts';

let service: TopupService;
let siti: Person;

beforeAll(async () => {
  service = await serveTopups();
  siti = await service.openWallet();
});
afterEach(async () => {
  await service.idle();
  service.settings.deliver = true;
  await service.gopay.control.settings({ notifications: 'send' });
});
afterAll(async () => {
  expect(await brokenPromises(service.admin)).toEqual([]);
  await service.close();
});

async function pending(person = siti) {
  const { body } = await service.topup(person);
  const [payment] = await service.paymentsOf(body.data.transaction.operation_id);
  return { ...body.data.transaction, payment: payment?.referenceNo ?? '' };
}

test('an unpaid top-up is cancelled at the provider, and then here', async () => {
  const topup = await pending();
  const cancelled = await service.cancel(siti, topup.transaction_id);
  expect(cancelled.status).toBe(200);
  expect(cancelled.body.data.transaction).toMatchObject({
    id: topup.id,
    status: 'CANCELLED',
    balance_before: '0.00',
    balance_after: '0.00',
  });
  expect((await service.paymentsOf(topup.operation_id)).map((payment) => payment?.status)).toEqual(['cancelled']);
  await expect(service.gopay.control.pay(topup.payment)).rejects.toThrow('cancelled');
  const event = await eventually(() => service.events.find(({ type }) => type === 'one-gate.topup.cancelled'));
  expect(event.data).toMatchObject({ operation_id: topup.operation_id, status: 'CANCELLED' });
});

test.each(['transaction_id', 'id', 'operation_id'])('it may be named by its %s', async (name) => {
  const topup = await pending();
  expect((await service.cancel(siti, topup[name])).body.data.transaction.status).toBe('CANCELLED');
});

test('the same key gets the same answer; another key is told that the top-up has ended', async () => {
  const topup = await pending();
  const key = randomUUID();
  const first = await service.cancel(siti, topup.id, key);
  const second = await service.cancel(siti, topup.id, key);
  expect([second.status, second.headers.get('idempotent-replayed')]).toEqual([200, 'true']);
  expect(second.body.data).toEqual(first.body.data);
  const late = await service.cancel(siti, topup.id);
  expect([late.status, late.body.code]).toEqual([409, 'transaction_not_pending']);
  const other = await pending();
  const reused = await service.cancel(siti, other.id, key);
  expect([reused.status, reused.body.code, reused.body.errors[0].pointer]).toEqual([
    422,
    'idempotency_key_reused',
    '/transaction_id',
  ]);
  expect(await service.transaction(siti, other.id)).toMatchObject({ status: 'PENDING' });
});

test("a key of a payment cannot cancel, and no caller's key can block a settlement", async () => {
  const person = await service.openWallet();
  const key = randomUUID();
  await service.topup(person, { key });
  const topup = await pending(person);
  expect((await service.cancel(person, topup.id, key)).body.code).toBe('idempotency_key_reused');
  // The name of an internal key, used by the account's owner beforehand.
  await service.cancel(person, (await pending(person)).id, `settle:${topup.operation_id}:SUCCESS`);
  await service.gopay.control.pay(topup.payment);
  expect(await service.ended(person, topup.id)).toMatchObject({ status: 'SUCCESS' });
});

test('ten requests at once cancel it once', async () => {
  const topup = await pending();
  const answers = await Promise.all(Array.from({ length: 10 }, () => service.cancel(siti, topup.id)));
  for (const { status, body } of answers) {
    expect([200, 202, 409]).toContain(status);
    if (status === 200) expect(body.data.transaction.status).toBe('CANCELLED');
  }
  expect(answers.filter(({ status }) => status === 200).length).toBeGreaterThan(0);
  const [row] = await service.rows('select count(*)::int from outbox where subject = $1', [topup.operation_id]);
  expect(row.count).toBeLessThanOrEqual(1);
});

describe('is refused for', () => {
  test.each([
    ['an unknown transaction', () => 'TOP-01A192E762807ABC8DEF012345678902'],
    ['a malformed id', () => 'x'],
    ['another user’s top-up', (foreign: string) => foreign],
  ])('%s', async (_what, idOf) => {
    const foreign = await pending(await service.openWallet());
    const answer = await service.cancel(siti, idOf(foreign.id));
    expect([answer.status, answer.body.code]).toEqual([404, 'transaction_not_found']);
    expect(
      await service.rows('select 1 from topups where cancel_requested_at is not null and operation_id = $1', [
        foreign.operation_id,
      ]),
    ).toEqual([]);
  });

  test('a payment that has moved money', async () => {
    const rich = await service.openWallet({ balance: '10.00' });
    const [leg] = await service.rows('select id from historical_transactions where account_id = $1', [rich.accountId]);
    expect((await service.cancel(rich, leg.id)).body).toMatchObject({ status: 409, code: 'transaction_not_pending' });
  });
});

test('a top-up that was paid just before, which succeeds instead', async () => {
  const person = await service.openWallet();
  const topup = await pending(person);
  await service.gopay.control.settings({ notifications: 'suppress' });
  await service.gopay.control.pay(topup.payment);
  const answer = await service.cancel(person, topup.id);
  expect([answer.status, answer.body.data.transaction.status]).toEqual([200, 'SUCCESS']);
  expect(await service.balanceOf(person)).toBe('150000.00');
});

describe('while the provider cannot be reached', () => {
  test('the top-up stays pending; the request is kept and carried out later', async () => {
    const topup = await pending();
    for (const service_ of ['57', '55'] as const) {
      await service.gopay.control.fault({ service: service_, process: false, answer: 'drop' });
    }
    const key = randomUUID();
    const waiting = await service.cancel(siti, topup.id, key);
    expect([waiting.status, waiting.body.data.transaction.status]).toEqual([202, 'PENDING']);
    expect((await service.cancel(siti, topup.id, key)).body.data).toEqual(waiting.body.data);

    await service.age(topup.operation_id, '31 seconds');
    expect(await service.reconcile()).toBe(204);
    expect(await service.transaction(siti, topup.id)).toMatchObject({ status: 'CANCELLED' });
  });

  test('a lost answer does not leave it open', async () => {
    const topup = await pending();
    await service.gopay.control.fault({ service: '57', answer: 'drop' });
    const answer = await service.cancel(siti, topup.id);
    expect([answer.status, answer.body.data.transaction.status]).toEqual([200, 'CANCELLED']);
  });
});

test('once the request is written, a lost database makes the outcome unknown and not "failed"', async () => {
  const topup = await pending();
  const key = randomUUID();
  // A request during the outage would be sent again after minutes.
  await service.gopay.control.settings({ notifications: 'suppress' });
  await service.gopay.control.fault({ service: '57', delay_ms: 2_000 });
  const asked = service.cancel(siti, topup.id, key);
  await eventually(async () => (await service.rows('select 1 from idempotency_keys where key = $1', [key]))[0]);
  // No relay runs here for the events that stayed in the outbox.
  await eventually(async () => (await service.rows('select 1 from outbox')).length === 0);
  expect(await service.withoutDatabase(asked)).toMatchObject({
    status: 503,
    body: { code: 'outcome_unknown', outcome: 'unknown', safe_to_retry: true },
  });
  await service.age(topup.operation_id, '31 seconds');
  expect((await service.cancel(siti, topup.id, key)).body.data.transaction.status).toBe('CANCELLED');
});

test('a request that comes while the provider is being asked is carried out afterwards', async () => {
  const key = randomUUID();
  await service.gopay.control.fault({ service: '54', delay_ms: 4_000 });
  const asked = service.topup(siti, { key });
  const { operation_id: operationId } = await eventually(
    async () => (await service.rows('select operation_id from idempotency_keys where key = $1', [key]))[0],
  );
  await eventually(async () => (await service.paymentsOf(operationId))[0]);
  const waiting = await service.cancel(siti, operationId);
  expect([waiting.status, waiting.body.data.transaction.status]).toEqual([202, 'PENDING']);
  expect((await asked).status).toBe(202);
  await service.age(operationId, '31 seconds');
  await service.reconcile();
  expect(await service.transaction(siti, operationId)).toMatchObject({ status: 'CANCELLED' });
});

test('a top-up that never reached the provider is not sent again, is cancelled when no request can arrive any more, and its key learns so', async () => {
  const key = randomUUID();
  await service.gopay.control.fault({ service: '73', answer: 'drop', times: 2 });
  await service.gopay.control.expireTokens();
  const { body } = await service.topup(siti, { key });
  expect(body.code).toBe('outcome_unknown');
  const [{ operation_id: operationId }] = await service.rows(
    'select operation_id from idempotency_keys where key = $1',
    [key],
  );
  const { status, body: cancelled } = await service.cancel(siti, operationId);
  expect([status, cancelled.data.transaction.status]).toEqual([202, 'PENDING']);
  expect((await service.topup(siti, { key })).body.code).toBe('outcome_unknown');
  expect(await service.paymentsOf(operationId)).toEqual([undefined]);

  await service.age(operationId, '21 minutes');
  await service.reconcile();
  const late = await service.topup(siti, { key });
  expect([late.status, late.body.data.transaction.status, late.body.data.redirect_url]).toEqual([
    202,
    'CANCELLED',
    null,
  ]);
});

test('a payment after the provider has confirmed the cancellation is still credited', async () => {
  const person = await service.openWallet();
  const topup = await pending(person);
  // The provider says that it has cancelled, and has not.
  await service.gopay.control.fault({ service: '57', process: false, answer: { response_code: '2005700' } });
  expect((await service.cancel(person, topup.id)).body.data.transaction.status).toBe('CANCELLED');
  await service.gopay.control.pay(topup.payment);
  const settled = await eventually(async () => {
    const transaction = await service.transaction(person, topup.id);
    return transaction.status === 'SUCCESS' ? transaction : undefined;
  });
  expect(settled.balance_after).toBe('150000.00');
  expect(await service.balanceOf(person)).toBe('150000.00');
});
