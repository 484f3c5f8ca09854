// GoPay's notifications: only signed ones are kept, once, and none is believed.

import { createPrivateKey } from 'node:crypto';
import process from 'node:process';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { jakartaTime } from '../../sandbox/gopay/clock.ts';
import { signNotification } from '../../sandbox/gopay/signatures.ts';
import { brokenPromises } from '../../setup/accounts.ts';
import type { Person } from '../wallet/wallet-service.ts';
import { eventually, serveTopups, type TopupService } from './topup-service.ts';

let service: TopupService;
let siti: Person;

beforeAll(async () => {
  service = await serveTopups();
  siti = await service.openWallet();
});
afterAll(async () => {
  expect(await brokenPromises(service.admin)).toEqual([]);
  await service.close();
});

const PATH = '/v1/notifications/gopay/v1.0/debit/notify';

async function pending(person = siti) {
  const { body } = await service.topup(person);
  const [payment] = await service.paymentsOf(body.data.transaction.operation_id);
  if (!payment) throw new Error('there is no payment');
  return { ...body.data.transaction, payment };
}

/** A notification with GoPay's own signature and any content. */
function notify(body: unknown, { signedPath = '/v1.0/debit/notify', raw = JSON.stringify(body) } = {}) {
  const timestamp = jakartaTime(new Date());
  const key = createPrivateKey(service.gopay.simulatorOptions.privateKey);
  const headers = { 'x-timestamp': timestamp, 'x-signature': signNotification(key, signedPath, raw, timestamp) };
  return service.call('receive-notification', PATH, { body: raw, key: '', headers });
}

const news = (payment: { partnerReferenceNo: string; referenceNo: string }, status = '00') => ({
  originalPartnerReferenceNo: payment.partnerReferenceNo,
  originalReferenceNo: payment.referenceNo,
  merchantId: service.gopay.simulatorOptions.merchantId,
  latestTransactionStatus: status,
  amount: { value: '150000.00', currency: 'IDR' },
});

const traces = async () =>
  (
    await service.rows(
      'select (select count(*) from provider_notifications) kept, (select count(*) from findings) findings, (select sum(version) from accounts) versions',
    )
  )[0];

test('a notification is kept as it was signed, answered in the provider’s words, and wakes settle-topup', async () => {
  const topup = await pending();
  service.settings.deliver = false;
  const answer = await notify(news(topup.payment, '03'));
  expect(answer.status).toBe(200);
  expect(answer.headers.get('content-type')).toBe('application/json');
  expect(JSON.parse(answer.text)).toEqual({ responseCode: '2005600', responseMessage: 'Successful' });
  const event = await eventually(() =>
    service.events.find(
      ({ type, data }) => type === 'one-gate.topup.notified' && data.operation_id === topup.operation_id,
    ),
  );
  expect(event.data).toEqual({
    operation_id: topup.operation_id,
    reference: topup.payment.partnerReferenceNo,
    state: 'pending',
  });
  const [kept] = await service.rows('select * from provider_notifications where operation_id = $1', [
    topup.operation_id,
  ]);
  expect(kept).toMatchObject({ provider: 'GOPAY', provider_state: '03', reference: topup.payment.partnerReferenceNo });
  expect(JSON.parse(kept.body)).toEqual(news(topup.payment, '03'));
  service.settings.deliver = true;
});

test('a repeated notification is acknowledged and publishes no event', async () => {
  const topup = await pending();
  const answers = await Promise.all(Array.from({ length: 10 }, () => notify(news(topup.payment, '03'))));
  expect(answers.map(({ status }) => status)).toEqual(Array(10).fill(200));
  const rows = await service.rows('select 1 from provider_notifications where operation_id = $1', [topup.operation_id]);
  expect(rows).toHaveLength(1);
  await eventually(() => service.events.some(({ data }) => data.operation_id === topup.operation_id && data.state));
  expect(service.events.filter(({ data }) => data.operation_id === topup.operation_id && data.state)).toHaveLength(1);
});

test('the signature may also be for the address it came to', async () => {
  const topup = await pending();
  expect((await notify(news(topup.payment, '03'), { signedPath: PATH })).status).toBe(200);
});

test('a signed lie moves nothing: the provider is asked', async () => {
  const topup = await pending();
  expect((await notify(news(topup.payment, '00'))).status).toBe(200);
  expect((await notify({ ...news(topup.payment, '05') })).status).toBe(200);
  await eventually(() => service.events.filter(({ data }) => data.operation_id === topup.operation_id).length === 3);
  // Every published event has been delivered; the provider says that it is pending.
  expect(
    await service.deliver('settle-topup', 'one-gate.topup.notified', {
      reference: topup.payment.partnerReferenceNo,
      state: 'paid',
    }),
  ).toBe(204);
  expect(await service.transaction(siti, topup.id)).toMatchObject({ status: 'PENDING' });
  expect(await service.balanceOf(siti)).toBe('0.00');
});

describe('nothing is written for', () => {
  test.each([
    ['signature', 401, '4015600'],
    ['amount', 401, '4015600'],
    ['timestamp', 401, '4015600'],
    ['merchant', 404, '4045608'],
  ] as const)('a forged %s', async (tampering, status, code) => {
    const topup = await pending();
    const before = await traces();
    const answer = await service.gopay.control.notify(topup.payment.referenceNo, tampering);
    expect([answer.status, JSON.parse(answer.body).responseCode]).toEqual([status, code]);
    expect(await traces()).toEqual(before);
  });

  test('a notification without a signature, or with garbage in its place', async () => {
    const before = await traces();
    const call = (headers: Record<string, string>) =>
      service.call('receive-notification', PATH, { body: '{}', key: '', headers });
    const timestamp = jakartaTime(new Date());
    for (const headers of [{}, { 'x-timestamp': timestamp }, { 'x-signature': 'x' }] as Record<string, string>[]) {
      const answer = await call(headers);
      expect([answer.status, answer.body.responseCode]).toEqual([400, '4005602']);
    }
    const garbage = await call({ 'x-timestamp': timestamp, 'x-signature': '!' });
    expect([garbage.status, garbage.body.responseCode]).toEqual([401, '4015600']);
    expect(await traces()).toEqual(before);
  });

  test('a signed body that is not a notification', async () => {
    const before = await traces();
    for (const raw of ['', '[]', '{"originalPartnerReferenceNo":1}', '{'.repeat(1_000)]) {
      const answer = await notify(undefined, { raw });
      expect([raw.slice(0, 9), answer.status, answer.body.responseCode]).toEqual([raw.slice(0, 9), 400, '4005600']);
    }
    expect(await traces()).toEqual(before);
  });
});

test('a signed notification of an unknown payment is a finding, and the answer says so', async () => {
  const stranger = { partnerReferenceNo: 'TOP-01A192E762807ABC8DEF012345678902-1', referenceNo: 'A1-stranger' };
  for (let repetition = 0; repetition < 3; repetition++) {
    const answer = await notify(news(stranger));
    expect([answer.status, answer.body.responseCode]).toEqual([404, '4045601']);
  }
  const findings = await service.rows("select * from findings where kind = 'payment_unknown'");
  expect(findings).toHaveLength(1);
  expect(findings[0]).toMatchObject({ subject: 'A1-stranger', resolved_at: null });
});

test('a notification that cannot be kept now should be sent again', async () => {
  const topup = await pending();
  await service.rows('alter table provider_notifications rename to away');
  try {
    const answer = await notify(news(topup.payment, '03'));
    expect([answer.status, answer.body]).toEqual([500, { responseCode: '5005600', responseMessage: 'General Error' }]);
  } finally {
    await service.rows('alter table away rename to provider_notifications');
  }
  expect((await notify(news(topup.payment, '03'))).status).toBe(200);
  expect(process.exitCode ?? 0).toBe(0);
});
