// Settling: the provider's true status is posted once, whatever events say and however often they come.

import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { brokenPromises, endLegs } from '../../setup/accounts.ts';
import { eventually, serveTopups, type TopupService } from './topup-service.ts';

const NOTIFIED = 'one-gate.topup.notified';
let service: TopupService;

beforeAll(async () => {
  service = await serveTopups();
});
afterEach(async () => {
  await service.idle();
  service.settings.deliver = true;
  await service.gopay.control.settings({ notifications: 'send', copies: 1 });
});
afterAll(async () => {
  expect(await brokenPromises(service.admin)).toEqual([]);
  await service.close();
});

/** A person with one open top-up; no notification is sent when it is paid unless by the test. */
async function pending({ tell = false } = {}) {
  const person = await service.openWallet();
  if (!tell) await service.gopay.control.settings({ notifications: 'suppress' });
  const { body } = await service.topup(person);
  const { transaction } = body.data;
  const [payment] = await service.paymentsOf(transaction.operation_id);
  if (!payment) throw new Error('there is no payment');
  return { person, transaction, payment, reference: payment.partnerReferenceNo };
}

const notified = (reference: string, state = 'paid') => service.deliver('settle-topup', NOTIFIED, { reference, state });
const findings = (operationId: string) =>
  service.rows('select kind, subject, detail from findings where operation_id = $1 and resolved_at is null', [
    operationId,
  ]);
const inSuspense = async () =>
  (await service.rows("select balance from accounts where name = 'suspense:gopay'"))[0].balance as string;

test('twenty notifications and their events credit the wallet once', async () => {
  const { person, transaction, payment } = await pending({ tell: true });
  await service.gopay.control.settings({ copies: 10 });
  await service.gopay.control.pay(payment.referenceNo);
  await Promise.all(Array.from({ length: 10 }, () => service.gopay.control.notify(payment.referenceNo)));
  await service.ended(person, transaction.id);
  const statuses = await Promise.all(Array.from({ length: 10 }, () => notified(payment.partnerReferenceNo)));
  expect(statuses).toEqual(Array(10).fill(204));
  expect(await service.balanceOf(person)).toBe('150000.00');
});

test('a top-up that a version before results has settled is recognised, and is no finding', async () => {
  const { person, transaction, payment, reference } = await pending({ tell: true });
  await service.gopay.control.pay(payment.referenceNo);
  await service.ended(person, transaction.id);
  await service.idle();
  await service.rows(
    'update idempotency_keys set status = 200, answer = result, result = null where operation_id = $1 and function = $2',
    [transaction.operation_id, 'settle-topup'],
  );
  await service.rows("update topup_attempts set state = 'ACCEPTED' where reference = $1", [reference]);
  expect(await notified(reference)).toBe(204);
  expect(await service.balanceOf(person)).toBe('150000.00');
  expect(await findings(transaction.operation_id)).toEqual([]);
});

test('notifications in the wrong order come to the same end', async () => {
  const { person, transaction, payment } = await pending({ tell: true });
  await service.gopay.control.settings({ notifications: 'hold' });
  await service.gopay.control.pay(payment.referenceNo);
  await service.gopay.control.refund(payment.referenceNo, { value: '1000.00' });
  await service.gopay.control.release(true);
  await eventually(async () => (await findings(transaction.operation_id))[0]);
  // A part was refunded before anything was credited: an operator must look at it, nothing is guessed.
  expect(await findings(transaction.operation_id)).toMatchObject([{ kind: 'topup_refunded_by_provider' }]);
  expect(await service.balanceOf(person)).toBe('0.00');
});

test('an event before the payment is finished, and changes nothing', async () => {
  const { person, transaction, reference } = await pending();
  expect(await notified(reference)).toBe(204);
  expect(await service.transaction(person, transaction.id)).toMatchObject({ status: 'PENDING' });
});

test('events for other functions, or of unknown payments, are finished', async () => {
  for (const type of ['requested', 'succeeded', 'failed', 'cancelled']) {
    expect(await service.deliver('settle-topup', `one-gate.topup.${type}`, { operation_id: 'x', anything: 1 })).toBe(
      204,
    );
  }
  for (const reference of [
    undefined,
    '',
    'x',
    'TOP-01A192E762807ABC8DEF012345678902-1',
    "' or true --",
    'x'.repeat(10_000),
  ]) {
    expect(await service.deliver('settle-topup', NOTIFIED, { reference })).toBe(204);
  }
});

test('an event of another kind, or a malformed one, is final', async () => {
  expect(await service.deliver('settle-topup', 'one-gate.payment.succeeded', {})).toBe(422);
  expect(await service.deliver('settle-topup', NOTIFIED, { reference: 1 })).toBe(422);
  expect(await service.deliver('settle-topup', NOTIFIED, 'text')).toBe(422);
});

test('while the provider cannot tell, the event must come again; then the top-up is settled', async () => {
  const { person, payment, reference } = await pending();
  await service.gopay.control.pay(payment.referenceNo);
  await service.gopay.control.fault({ service: '55', answer: 'drop' });
  expect(await notified(reference)).toBe(503);
  expect(await service.balanceOf(person)).toBe('0.00');
  await service.gopay.control.fault({ service: '55', answer: { response_code: '5045500' } });
  expect(await notified(reference)).toBe(503);
  expect(await notified(reference)).toBe(204);
  expect(await service.balanceOf(person)).toBe('150000.00');
});

test.each([
  ['cancel', 'CANCELLED'],
  ['fail', 'FAILED'],
  ['expire', 'FAILED'],
] as const)('a payer who lets the payment %s ends the top-up as %s', async (action, status) => {
  const { person, transaction, payment } = await pending({ tell: true });
  await service.gopay.control[action](payment.referenceNo);
  expect(await service.ended(person, transaction.id)).toMatchObject({ status, balance_after: '0.00' });
  const type = `one-gate.topup.${status.toLowerCase()}`;
  const mine = ({ data }: { data: { operation_id: string } }) => data.operation_id === transaction.operation_id;
  expect(await eventually(() => service.events.find((event) => event.type === type && mine(event)))).toBeTruthy();
});

describe('the money goes to suspense with a finding', () => {
  test('when the wallet is closed: the top-up had been cancelled', async () => {
    const { person, transaction, payment, reference } = await pending();
    await endLegs(service.admin, transaction.operation_id, 'FAILED');
    await service.rows("update accounts set account_status = 'CLOSED' where id = $1", [person.accountId]);
    const before = Number(await inSuspense());
    await service.gopay.control.pay(payment.referenceNo);
    expect([await notified(reference), await notified(reference)]).toEqual([204, 204]);
    expect(Number(await inSuspense())).toBe(before + 150_000);
    expect(await service.balanceOf(person)).toBe('0.00');
    expect(await service.transaction(person, transaction.id)).toMatchObject({ status: 'FAILED' });
    expect(await findings(transaction.operation_id)).toMatchObject([
      { kind: 'topup_in_suspense', subject: reference, detail: expect.stringContaining('the wallet cannot take it') },
    ]);
  });

  test('when another amount was agreed', async () => {
    const { person, transaction, payment, reference } = await pending();
    // Past the triggers: no role can change an amount.
    await service.rows('set session_replication_role = replica');
    await service.rows('update historical_transactions set amount = 150001 where operation_id = $1', [
      transaction.operation_id,
    ]);
    await service.rows('update accounts set pending = 150001 where id = $1', [person.accountId]);
    await service.rows('reset session_replication_role');
    const before = Number(await inSuspense());
    await service.gopay.control.pay(payment.referenceNo);
    expect(await notified(reference)).toBe(204);
    expect(Number(await inSuspense())).toBe(before + 150_000);
    expect(await service.balanceOf(person)).toBe('0.00');
    expect(await findings(transaction.operation_id)).toMatchObject([
      { kind: 'topup_in_suspense', detail: expect.stringContaining('150001.00 was agreed') },
    ]);
  });

  test('when two attempts of one top-up are paid: each is posted, once', async () => {
    const person = await service.openWallet();
    // The answer to the first attempt is lost, and its cancellation confirmed but not done.
    await service.gopay.control.settings({ notifications: 'suppress' });
    await service.gopay.control.fault({ service: '54', answer: 'drop' });
    await service.gopay.control.fault({ service: '57', process: false, answer: { response_code: '2005700' } });
    const { transaction } = (await service.topup(person)).body.data;
    const [first, second] = await service.paymentsOf(transaction.operation_id);
    const before = Number(await inSuspense());
    for (const payment of [second, first]) await service.gopay.control.pay(payment?.referenceNo ?? '');
    const references = [second?.partnerReferenceNo ?? '', first?.partnerReferenceNo ?? ''];
    const statuses = await Promise.all([...references, ...references, ...references].map((each) => notified(each)));
    expect(statuses).toEqual(Array(6).fill(204));
    expect(await service.balanceOf(person)).toBe('150000.00');
    expect(Number(await inSuspense())).toBe(before + 150_000);
    expect(await findings(transaction.operation_id)).toMatchObject([
      { kind: 'topup_in_suspense', detail: expect.stringContaining('paid before by another attempt') },
    ]);
    const states = await service.rows('select state from topup_attempts where operation_id = $1', [
      transaction.operation_id,
    ]);
    expect(states).toEqual([{ state: 'PAID' }, { state: 'PAID' }]);
  });
});

test('a notification about an earlier attempt does not end a top-up whose present attempt can still be paid', async () => {
  const person = await service.openWallet();
  await service.gopay.control.fault({ service: '54', answer: 'drop' });
  const { transaction } = (await service.topup(person)).body.data;
  const [first, second] = await service.paymentsOf(transaction.operation_id);
  await service.age(transaction.operation_id, '3 minutes');
  expect(first?.status).toBe('cancelled');
  expect(await notified(first?.partnerReferenceNo ?? '', 'cancelled')).toBe(204);
  expect(await service.transaction(person, transaction.id)).toMatchObject({ status: 'PENDING' });
  await service.gopay.control.pay(second?.referenceNo ?? '');
  expect(await service.ended(person, transaction.id)).toMatchObject({ status: 'SUCCESS' });
});

test('a refund at the provider after the money was credited is a finding, and takes nothing', async () => {
  const { person, transaction, payment } = await pending({ tell: true });
  await service.gopay.control.pay(payment.referenceNo);
  await service.ended(person, transaction.id);
  await service.gopay.control.refund(payment.referenceNo);
  const found = await eventually(async () => (await findings(transaction.operation_id))[0]);
  expect(found).toMatchObject({
    kind: 'topup_refunded_by_provider',
    detail: expect.stringContaining('after it was credited'),
  });
  expect(await service.balanceOf(person)).toBe('150000.00');
});

test('a suspended wallet still gets its top-up', async () => {
  const { person, payment, reference } = await pending();
  await service.rows("update accounts set account_status = 'SUSPENDED' where id = $1", [person.accountId]);
  await service.gopay.control.pay(payment.referenceNo);
  expect(await notified(reference)).toBe(204);
  expect(await service.balanceOf(person)).toBe('150000.00');
});

test('a settlement carries on the trace of the event', async () => {
  const { transaction, payment, reference } = await pending();
  await service.gopay.control.pay(payment.referenceNo);
  const traceId = 'a'.repeat(32);
  await service.deliver('settle-topup', NOTIFIED, { reference }, `00-${traceId}-00f067aa0ba902b7-01`);
  const event = await eventually(() =>
    service.events.find(
      ({ type, data }) => type === 'one-gate.topup.succeeded' && data.operation_id === transaction.operation_id,
    ),
  );
  expect(event.traceparent.slice(3, 35)).toBe(traceId);
});
