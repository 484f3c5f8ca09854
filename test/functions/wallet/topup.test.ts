// Requesting a top-up: the answer, the request to the provider, and the recovery of lost answers.

import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { newOperationId } from '../../../shared/ledger/rules/ids.ts';
import { brokenPromises } from '../../setup/accounts.ts';
import { eventually, openOnly, serveTopups, type TopupService } from '../settlement/topup-service.ts';
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

/** The number of rows in every table that a top-up writes to. */
const traces = async () =>
  (
    await service.rows(
      `select (select count(*) from historical_transactions) legs, (select count(*) from idempotency_keys) keys,
              (select count(*) from topups) topups, (select count(*) from topup_attempts) attempts`,
    )
  )[0];

test('a top-up is pending at once, is paid on the page, and the balance changes once', async () => {
  const traceId = randomUUID().replaceAll('-', '');
  const asked = await service.topup(siti, { headers: { traceparent: `00-${traceId}-00f067aa0ba902b7-01` } });
  expect(asked.status).toBe(202);
  const { transaction, redirect_url: page, expires_at: expiresAt } = asked.body.data;
  expect(transaction).toMatchObject({
    type: 'TOPUP',
    status: 'PENDING',
    direction: 'credit',
    amount: '150000.00',
    balance_before: '0.00',
    balance_after: '0.00',
    payment_method: 'GOPAY',
    external_reference: `${transaction.transaction_id}-1`,
  });
  expect(Date.parse(expiresAt) - Date.now()).toBeGreaterThan(14 * 60_000);
  expect(await service.transaction(siti, transaction.id)).toEqual(transaction);
  expect((await fetch(page)).status).toBe(200);
  const [payment] = await service.paymentsOf(transaction.operation_id);
  expect(payment).toMatchObject({ amount: { value: '150000.00', currency: 'IDR' } });

  expect((await fetch(`${page}/pay`, { method: 'POST', redirect: 'manual' })).status).toBe(303);
  expect(await service.ended(siti, transaction.id)).toMatchObject({
    status: 'SUCCESS',
    balance_before: '0.00',
    balance_after: '150000.00',
    external_reference: payment?.referenceNo,
    counterparty: { type: 'system', username: null },
  });
  expect(await service.balanceOf(siti)).toBe('150000.00');

  const mine = await eventually(() => {
    const found = service.events.filter(({ data }) => data.operation_id === transaction.operation_id);
    return found.length === 3 ? found : undefined;
  });
  expect(mine.map(({ type }) => type)).toEqual([
    'one-gate.topup.requested',
    'one-gate.topup.notified',
    'one-gate.topup.succeeded',
  ]);
  // One trace from the request to the money, through the provider and the events.
  expect(mine.map(({ traceparent }) => traceparent.slice(3, 35))).toEqual([traceId, traceId, traceId]);
  expect(mine.at(-1)?.data).toMatchObject({ amount: '150000.00', status: 'SUCCESS', account_id: siti.accountId });
});

test('the payer comes back to the requested address', async () => {
  const body = { amount: '10000', payment_method: 'GOPAY', return_url: 'https://app.example/wallet?from=gopay' };
  const { body: asked } = await service.call('topup', '/v1/topup', { as: siti, body });
  const [payment] = await service.paymentsOf(asked.data.transaction.operation_id);
  expect(payment?.returnUrl).toBe(body.return_url);
});

describe('the same key', () => {
  test('gets the same answer, byte for byte', async () => {
    const key = randomUUID();
    const first = await service.topup(siti, { key });
    const second = await service.topup(siti, { key });
    const dataOf = (text: string) => text.slice(0, text.indexOf(',"request_id"'));
    expect([second.status, dataOf(second.text)]).toEqual([202, dataOf(first.text)]);
    expect(second.headers.get('idempotent-replayed')).toBe('true');
    expect(await service.paymentsOf(first.body.data.transaction.operation_id)).toHaveLength(1);
  });

  test('with another amount is refused and told what differs', async () => {
    const key = randomUUID();
    await service.topup(siti, { key });
    const other = await service.topup(siti, { key, amount: '150001' });
    expect([other.status, other.body.code, other.body.errors?.[0].pointer]).toEqual([
      422,
      'idempotency_key_reused',
      '/amount',
    ]);
  });

  test('twenty times at once asks the provider once', async () => {
    const key = randomUUID();
    await service.gopay.control.fault({ service: '54', delay_ms: 200 });
    const before = (await service.gopay.control.payments()).length;
    const answers = await Promise.all(Array.from({ length: 20 }, () => service.topup(siti, { key })));
    expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(202));
    expect(new Set(answers.map(({ body }) => body.data.redirect_url)).size).toBe(1);
    expect(answers.filter(({ headers }) => !headers.has('idempotent-replayed'))).toHaveLength(1);
    expect((await service.gopay.control.payments()).length).toBe(before + 1);
  });
});

describe('nothing is written for', () => {
  test.each<[string, number, string, unknown]>([
    ['a provider that is not there', 422, 'payment_method_unavailable', { amount: '1', payment_method: 'SHOPEE_PAY' }],
    ['an unknown provider', 422, 'invalid_request', { amount: '1', payment_method: 'OVO' }],
    ['no amount', 422, 'invalid_request', { payment_method: 'GOPAY' }],
    ['nothing', 422, 'invalid_request', { amount: '0.00', payment_method: 'GOPAY' }],
    ['less than nothing', 422, 'invalid_request', { amount: '-5', payment_method: 'GOPAY' }],
    ['a number', 422, 'invalid_request', { amount: 5, payment_method: 'GOPAY' }],
    ['an exponent', 422, 'invalid_request', { amount: '1e3', payment_method: 'GOPAY' }],
    ['a tenth of a sen', 422, 'invalid_request', { amount: '0.001', payment_method: 'GOPAY' }],
    ['an unknown field', 422, 'invalid_request', { amount: '1', payment_method: 'GOPAY', account_id: 'x' }],
    ['a script', 422, 'invalid_request', { amount: '1', payment_method: 'GOPAY', return_url: 'javascript:alert(1)' }],
    ['no address', 422, 'invalid_request', { amount: '1', payment_method: 'GOPAY', return_url: '/wallet' }],
  ])('%s', async (_what, status, code, body) => {
    const before = await traces();
    const answer = await service.call('topup', '/v1/topup', { as: siti, body });
    expect([answer.status, answer.body.code, answer.body.outcome]).toEqual([status, code, 'failed']);
    expect(await traces()).toEqual(before);
  });

  test.each([
    ['SUSPENDED', 'account_suspended'],
    ['CLOSED', 'account_closed'],
  ])('a wallet that is %s', async (status, code) => {
    const person = await service.openWallet({ status });
    const before = await traces();
    expect((await service.topup(person)).body).toMatchObject({ status: 403, code });
    expect(await traces()).toEqual(before);
  });
});

test('a key of the version before results is answered with its first address', async () => {
  const person = await service.openWallet();
  const key = randomUUID();
  const told = { transaction: null, redirect_url: 'https://gopay.example/1', expires_at: null };
  await service.rows(
    `insert into idempotency_keys (account_id, key, function, request, operation_id, status, answer)
     values ($1, $2, 'topup', $3, $4, 202, $5)`,
    [
      person.accountId,
      key,
      JSON.stringify({ amount: '150000.00', payment_method: 'GOPAY' }),
      newOperationId(),
      JSON.stringify(told),
    ],
  );
  const before = await traces();
  const answer = await service.topup(person, { key });
  expect([answer.status, answer.body.data, answer.headers.get('idempotent-replayed')]).toEqual([202, told, 'true']);
  expect(await traces()).toEqual(before);
});

test('beyond the limits on e-money no top-up is opened, and the answer says how much is left', async () => {
  const person = await service.openWallet({ balance: '1500000.00' });
  const answer = await service.topup(person, { amount: '500000.01' });
  expect(answer.body).toMatchObject({
    status: 422,
    code: 'balance_limit_exceeded',
    outcome: 'failed',
    limit: { rule: 'wallet_balance', value: '2000000.00', left: '500000.00', currency: 'IDR' },
  });
  expect((await service.topup(person, { amount: '400000' })).status).toBe(202);
  // A PENDING top-up counts as if it had been paid.
  expect((await service.topup(person, { amount: '200000' })).body).toMatchObject({ limit: { left: '100000.00' } });
});

test('a top-up that the provider refuses has failed, and is refused again', async () => {
  // A merchant: a person's own limit would come first.
  const shop = await service.openWallet({ type: 'merchant' });
  const key = randomUUID();
  const refused = await service.topup(shop, { amount: '20000001', key });
  expect(refused.body).toMatchObject({
    status: 422,
    code: 'provider_refused',
    outcome: 'failed',
    detail: expect.stringContaining('exceeds_transaction_amount_limit'),
  });
  const again = await service.topup(shop, { amount: '20000001', key });
  expect([again.status, again.headers.get('idempotent-replayed')]).toEqual([422, 'true']);
  const [row] = await service.rows('select operation_id from idempotency_keys where key = $1', [key]);
  expect(await service.transaction(shop, row.operation_id)).toMatchObject({ status: 'FAILED' });
  const [failed] = await eventually(() => {
    const found = service.events.filter(({ type }) => type === 'one-gate.topup.failed');
    return found.length > 0 ? found : undefined;
  });
  expect(failed?.data).toMatchObject({ operation_id: row.operation_id, status: 'FAILED' });
});

describe('a lost answer', () => {
  test.each(['drop', 'garbage'] as const)(
    '(%s) is followed by an inquiry and a cancellation before a new attempt',
    async (answer) => {
      const person = await service.openWallet();
      await service.gopay.control.fault({ service: '54', answer });
      const asked = await service.topup(person);
      expect(asked.status).toBe(202);
      const { transaction, redirect_url: page } = asked.body.data;
      const payments = await service.paymentsOf(transaction.operation_id);
      expect(payments.map((payment) => payment?.status)).toEqual(['cancelled', 'initiated']);
      expect(page).toContain(payments[1]?.pageToken);
      await service.gopay.control.pay(payments[1]?.referenceNo ?? '');
      expect(await service.ended(person, transaction.id)).toMatchObject({ status: 'SUCCESS' });
      expect(await service.balanceOf(person)).toBe('150000.00');
    },
  );

  test('to a request that never arrived: it is sent again under the same reference', async () => {
    await service.gopay.control.fault({ service: '54', process: false, answer: 'drop' });
    const asked = await service.topup(siti);
    expect(asked.status).toBe(202);
    const payments = await service.paymentsOf(asked.body.data.transaction.operation_id);
    expect(payments.map((payment) => payment?.status)).toEqual(['initiated']);
  });

  test.each(['202_then_00', '504_but_paid'] as const)(
    'to a payment that was paid (%s): it is not paid again',
    async (scenario) => {
      const person = await service.openWallet();
      const key = randomUUID();
      await service.gopay.control.scenario(scenario);
      const asked = await service.topup(person, { key });
      expect(asked.status).toBe(202);
      expect(asked.body.data).toMatchObject({
        transaction: { status: 'SUCCESS' },
        redirect_url: null,
        expires_at: null,
      });
      expect(await service.paymentsOf(asked.body.data.transaction.operation_id)).toHaveLength(1);
      expect(await service.balanceOf(person)).toBe('150000.00');
      expect((await service.topup(person, { key })).body.data).toEqual(asked.body.data);
    },
  );

  test('of a slow provider is not waited for', async () => {
    await service.gopay.control.fault({ service: '54', delay_ms: 600_000 });
    const asked = await service.topup(siti);
    expect(asked.status).toBe(202);
    const payments = await service.paymentsOf(asked.body.data.transaction.operation_id);
    expect(payments.map((payment) => payment?.status)).toEqual(['cancelled', 'initiated']);
  });

  test('that stays lost is unknown; the same key goes on from there', async () => {
    const person = await service.openWallet();
    const key = randomUUID();
    await service.gopay.control.fault({ service: '54', answer: 'drop' });
    await service.gopay.control.fault({ service: '55', answer: 'drop' });
    const unknown = await service.topup(person, { key });
    expect(unknown.body).toMatchObject({ code: 'outcome_unknown', outcome: 'unknown', safe_to_retry: true });
    expect(unknown.headers.get('retry-after')).toBe('2');
    const again = await service.topup(person, { key });
    expect([again.status, again.headers.get('idempotent-replayed')]).toEqual([202, null]);
    const payments = await service.paymentsOf(again.body.data.transaction.operation_id);
    expect(payments.map((payment) => payment?.status)).toEqual(['cancelled', 'initiated']);
    expect((await service.topup(person, { key })).headers.get('idempotent-replayed')).toBe('true');
  });

  test('of the database, once the top-up is open, is unknown and not "failed"', async () => {
    const key = randomUUID();
    const before = (await service.gopay.control.payments()).length;
    await service.gopay.control.fault({ service: '54', delay_ms: 2_000 });
    const asked = service.topup(siti, { key });
    await eventually(async () => (await service.gopay.control.payments()).length > before);
    // No relay runs here for the events that stayed in the outbox.
    await eventually(async () => (await service.rows('select 1 from outbox')).length === 0);
    const answer = await service.withoutDatabase(asked);
    expect(answer).toMatchObject({
      status: 503,
      body: { code: 'outcome_unknown', outcome: 'unknown', safe_to_retry: true },
    });
  });

  test('to a payment that cannot be cancelled is not followed by another attempt', async () => {
    const key = randomUUID();
    await service.gopay.control.fault({ service: '54', answer: 'drop' });
    await service.gopay.control.fault({ service: '57', answer: { response_code: '5045700' }, process: false });
    expect((await service.topup(siti, { key })).body.code).toBe('outcome_unknown');
    const [row] = await service.rows('select operation_id from idempotency_keys where key = $1', [key]);
    expect((await service.paymentsOf(row.operation_id)).map((payment) => payment?.status)).toEqual(['initiated']);
  });
});

describe('a request whose process died', () => {
  test('counts as running until its lease is over; then the same key goes on with it', async () => {
    const person = await service.openWallet();
    const key = randomUUID();
    const operationId = await openOnly(person, key);
    const early = await service.topup(person, { key });
    expect([early.status, early.body.code, early.body.outcome]).toEqual([409, 'request_in_progress', 'unknown']);
    expect(early.headers.get('retry-after')).toBe('2');
    expect(await service.paymentsOf(operationId)).toEqual([]);

    await service.age(operationId, '31 seconds');
    const late = await service.topup(person, { key });
    expect(late.status).toBe(202);
    expect(late.body.data.transaction).toMatchObject({ operation_id: operationId, status: 'PENDING' });
    expect(await service.paymentsOf(operationId)).toHaveLength(1);
  });

  test('is continued by one request, however many come', async () => {
    const person = await service.openWallet();
    const key = randomUUID();
    const operationId = await openOnly(person, key);
    await service.age(operationId, '31 seconds');
    await service.gopay.control.fault({ service: '54', delay_ms: 200 });
    const answers = await Promise.all(Array.from({ length: 10 }, () => service.topup(person, { key })));
    expect(answers.map(({ status }) => status)).toEqual(Array(10).fill(202));
    expect(answers.filter(({ headers }) => !headers.has('idempotent-replayed'))).toHaveLength(1);
    expect(await service.paymentsOf(operationId)).toHaveLength(1);
  });

  test('that was only slow finds that another process has answered', async () => {
    const person = await service.openWallet();
    const key = randomUUID();
    await service.gopay.control.fault({ service: '54', delay_ms: 4_000 });
    const slow = service.topup(person, { key });
    const { operation_id: operationId } = await eventually(
      async () => (await service.rows('select operation_id from idempotency_keys where key = $1', [key]))[0],
    );
    await eventually(async () => (await service.paymentsOf(operationId))[0]);
    await service.age(operationId, '31 seconds');
    const other = await service.topup(person, { key });
    expect(other.status).toBe(202);
    const late = await slow;
    expect([late.status, late.headers.get('idempotent-replayed')]).toEqual([202, 'true']);
    expect(late.body.data).toEqual(other.body.data);
    // Both answers have the address of the living attempt.
    const payments = await service.paymentsOf(operationId);
    expect(payments.map((payment) => payment?.status)).toEqual(['cancelled', 'initiated']);
    expect(late.body.data.redirect_url).toContain(payments[1]?.pageToken);
  });
});
