// reconcile-topups needs only the database: it finds payments, ends, cancellations, and the remains of a crash without
// a notification.

import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { brokenPromises } from '../../setup/accounts.ts';
import { openOnly, serveTopups, type TopupService } from './topup-service.ts';

let service: TopupService;

beforeAll(async () => {
  service = await serveTopups();
  await service.gopay.control.settings({ notifications: 'suppress' });
});
afterEach(async () => {
  // Top-ups that a test leaves open must not affect the next test.
  await service.rows('update topups set look_at = null');
});
afterAll(async () => {
  expect(await brokenPromises(service.admin)).toEqual([]);
  await service.close();
});

async function pending() {
  const person = await service.openWallet();
  const { body } = await service.topup(person);
  const { transaction } = body.data;
  const [payment] = await service.paymentsOf(transaction.operation_id);
  return { person, transaction, operationId: transaction.operation_id as string, payment: payment?.referenceNo ?? '' };
}

const stateOf = async (operationId: string) =>
  (
    await service.rows(
      `select leg.transaction_status as status, topup.look_at is null as finished, topup.looks
         from topups topup join historical_transactions leg on leg.operation_id = topup.operation_id and leg.direction = 'CREDIT'
        where topup.operation_id = $1`,
      [operationId],
    )
  )[0];

test('a payment without a notification is credited', async () => {
  const { person, operationId, payment } = await pending();
  await service.gopay.control.pay(payment);
  await service.age(operationId, '2 minutes');
  expect(await service.reconcile()).toBe(204);
  expect(await stateOf(operationId)).toEqual({ status: 'SUCCESS', finished: true, looks: 1 });
  expect(await service.balanceOf(person)).toBe('150000.00');
});

test('a young top-up is left alone, and an unpaid one is asked about again later', async () => {
  const { operationId } = await pending();
  await service.reconcile();
  expect(await stateOf(operationId)).toEqual({ status: 'PENDING', finished: false, looks: 0 });
  for (let look = 1; look <= 3; look++) {
    await service.rows('update topups set look_at = now() where operation_id = $1', [operationId]);
    await service.reconcile();
    expect(await stateOf(operationId)).toEqual({ status: 'PENDING', finished: false, looks: look });
    const [{ minutes }] = await service.rows(
      'select round(extract(epoch from look_at - now()) / 60)::int as minutes from topups where operation_id = $1',
      [operationId],
    );
    expect(minutes).toBe(2 ** look);
  }
});

test('a top-up that ended at the provider ends here in the same way', async () => {
  const [cancelled, failed, expired] = [await pending(), await pending(), await pending()];
  await service.gopay.control.cancel(cancelled.payment);
  await service.gopay.control.fail(failed.payment);
  await service.gopay.control.expire(expired.payment);
  for (const { operationId } of [cancelled, failed, expired]) await service.age(operationId, '2 minutes');
  await service.reconcile();
  expect((await stateOf(cancelled.operationId)).status).toBe('CANCELLED');
  expect((await stateOf(failed.operationId)).status).toBe('FAILED');
  expect((await stateOf(expired.operationId)).status).toBe('FAILED');
});

test('a top-up whose time is over is cancelled at the provider before it fails', async () => {
  const { operationId } = await pending();
  // The provider says pending, though it should have expired: its clock is ours, only the attempt is older here.
  await service.age(operationId, '21 minutes');
  await service.reconcile();
  expect(await stateOf(operationId)).toMatchObject({ status: 'FAILED', finished: true });
  expect((await service.paymentsOf(operationId)).map((payment) => payment?.status)).toEqual(['cancelled']);
});

test('and does not fail before the provider has confirmed the cancellation', async () => {
  const { person, operationId, payment } = await pending();
  await service.age(operationId, '21 minutes');
  await service.gopay.control.fault({ service: '57', process: false, answer: { response_code: '5045700' } });
  await service.reconcile();
  expect(await stateOf(operationId)).toMatchObject({ status: 'PENDING', finished: false });
  await service.gopay.control.pay(payment);
  await service.rows('update topups set look_at = now() where operation_id = $1', [operationId]);
  await service.reconcile();
  expect(await stateOf(operationId)).toMatchObject({ status: 'SUCCESS', finished: true });
  expect(await service.balanceOf(person)).toBe('150000.00');
});

describe('a top-up that a crash has left', () => {
  test('before the provider was called waits until no request can arrive any more, and then fails', async () => {
    const person = await service.openWallet();
    const key = randomUUID();
    const operationId = await openOnly(person, key);
    await service.age(operationId, '2 minutes');
    await service.reconcile();
    expect(await stateOf(operationId)).toMatchObject({ status: 'PENDING', finished: false });
    await service.age(operationId, '19 minutes');
    await service.reconcile();
    expect(await stateOf(operationId)).toMatchObject({ status: 'FAILED', finished: true });
    expect(await service.paymentsOf(operationId)).toEqual([undefined]);
    // The same key learns the end after that.
    const late = await service.topup(person, { key });
    expect([late.status, late.body.code]).toEqual([422, 'provider_refused']);
    expect((await service.topup(person, { key })).headers.get('idempotent-replayed')).toBe('true');
  });

  test('after the provider was called is cancelled there: its payer has no address to pay at', async () => {
    const { operationId } = await pending();
    await service.rows(
      "update topup_attempts set state = 'REQUESTED', provider_reference = null, accepted_at = null where operation_id = $1",
      [operationId],
    );
    await service.age(operationId, '2 minutes');
    await service.reconcile();
    expect(await stateOf(operationId)).toMatchObject({ status: 'FAILED', finished: true });
    expect((await service.paymentsOf(operationId)).map((payment) => payment?.status)).toEqual(['cancelled']);
  });

  test('between the posting and its note is not posted again', async () => {
    const { person, operationId, payment } = await pending();
    await service.gopay.control.pay(payment);
    await service.age(operationId, '2 minutes');
    await service.reconcile();
    await service.rows("update topup_attempts set state = 'ACCEPTED' where operation_id = $1", [operationId]);
    await service.rows('update topups set look_at = now() where operation_id = $1', [operationId]);
    await service.reconcile();
    expect(await stateOf(operationId)).toMatchObject({ status: 'SUCCESS', finished: true });
    expect(await service.balanceOf(person)).toBe('150000.00');
    expect(await service.rows('select state from topup_attempts where operation_id = $1', [operationId])).toEqual([
      { state: 'PAID' },
    ]);
  });

  test('is not touched while another process works on it', async () => {
    const { operationId, payment } = await pending();
    await service.gopay.control.pay(payment);
    await service.age(operationId, '2 minutes');
    await service.rows("update topups set leased_until = now() + interval '20 seconds' where operation_id = $1", [
      operationId,
    ]);
    await service.reconcile();
    expect(await stateOf(operationId)).toMatchObject({ status: 'PENDING', looks: 0 });
  });
});

test('two runs at once ask about each top-up once, and credit each once', async () => {
  const topups = [];
  for (let count = 0; count < 12; count++) topups.push(await pending());
  for (const { payment, operationId } of topups) {
    await service.gopay.control.pay(payment);
    await service.age(operationId, '2 minutes');
  }
  expect(await Promise.all([service.reconcile(), service.reconcile()])).toEqual([204, 204]);
  for (const { person, operationId } of topups) {
    expect(await stateOf(operationId)).toEqual({ status: 'SUCCESS', finished: true, looks: 1 });
    expect(await service.balanceOf(person)).toBe('150000.00');
  }
});

test('a top-up whose end the provider cannot tell is a finding until it has ended', async () => {
  const { operationId, payment } = await pending();
  const findings = () =>
    service.rows('select kind, resolved_at is null as open from findings where operation_id = $1', [operationId]);
  await service.age(operationId, '2 hours');
  for (let look = 0; look < 2; look++) {
    for (const each of ['57', '55'] as const)
      await service.gopay.control.fault({ service: each, answer: 'garbage', process: false });
    await service.rows('update topups set look_at = now() where operation_id = $1', [operationId]);
    await service.reconcile();
    expect(await findings()).toEqual([{ kind: 'topup_stuck', open: true }]);
  }
  await service.gopay.control.pay(payment);
  await service.rows('update topups set look_at = now() where operation_id = $1', [operationId]);
  await service.reconcile();
  expect(await stateOf(operationId)).toMatchObject({ status: 'SUCCESS' });
  expect(await findings()).toEqual([{ kind: 'topup_stuck', open: false }]);
});

test('a top-up that cannot be checked does not keep others from being checked', async () => {
  const [broken, good] = [await pending(), await pending()];
  await service.gopay.control.pay(good.payment);
  for (const { operationId } of [broken, good]) await service.age(operationId, '2 minutes');
  await service.rows("update historical_transactions set payment_method = 'SHOPEE_PAY' where operation_id = $1", [
    broken.operationId,
  ]);
  expect(await service.reconcile()).toBe(503);
  expect((await stateOf(good.operationId)).status).toBe('SUCCESS');
  expect((await stateOf(broken.operationId)).status).toBe('PENDING');
});
