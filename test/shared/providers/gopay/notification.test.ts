import { createPrivateKey, generateKeyPairSync, sign } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { gopayProvider } from '../../../../shared/providers/gopay/gopay.ts';
import type { NotificationMessage, Provider } from '../../../../shared/providers/provider.ts';
import { eventually, merchantWithSimulator, type ReceivedNotification } from '../../../sandbox/gopay/merchant.ts';
import { signNotification } from '../../../sandbox/gopay/signatures.ts';
import { DEMO_NOTIFICATION_SIGNATURE, MIDTRANS_DEMO_PUBLIC_KEY, NOTIFICATION_BODY } from '../snap/vectors.ts';

let merchant: Awaited<ReturnType<typeof merchantWithSimulator>>;
let gopay: Provider;
let count = 0;

beforeAll(async () => {
  merchant = await merchantWithSimulator();
});
afterAll(() => merchant.close());
beforeEach(async () => {
  await merchant.control.reset();
  merchant.received.length = 0;
  gopay = gopayProvider(merchant.configuration);
});

async function payment(): Promise<string> {
  const reference = `TOP-${++count}`;
  const outcome = await gopay.requestPayment({
    reference,
    amount: 10_280_000n,
    currency: 'IDR',
    returnUrl: 'https://shop.example/',
    expiresAt: new Date(Date.now() + 600_000),
  });
  if (outcome.name !== 'accepted') throw new Error('not accepted');
  return reference;
}

const message = (received: ReceivedNotification, now = new Date()): NotificationMessage => ({ ...received, now });

describe('a notification of the provider', () => {
  test('is verified and read', async () => {
    const reference = await payment();
    const { referenceNo } = await merchant.control.pay(reference);
    const received = await eventually(() => merchant.received[0]);
    expect(received.path).toBe('/v1/notifications/gopay/v1.0/debit/notify');
    expect(gopay.verifyNotification(message(received))).toEqual({
      name: 'valid',
      notification: {
        reference,
        providerReference: referenceNo,
        state: 'paid',
        providerState: '00',
        amount: 10_280_000n,
        currency: 'IDR',
        deduplicationKey: `${referenceNo}:00`,
      },
      signed: { at: received.headers['x-timestamp'], signature: received.headers['x-signature'] },
    });
  });

  test('has one deduplication key for the same state, and another for another state', async () => {
    await merchant.control.settings({ copies: 2 });
    const reference = await payment();
    await merchant.control.pay(reference);
    await merchant.control.refund(reference, { value: '1000.00' });
    await merchant.control.refund(reference, { value: '2000.00' });
    await eventually(() => merchant.received.length === 6);
    const keys = merchant.received.map((received) => {
      const outcome = gopay.verifyNotification(message(received));
      return outcome.name === 'valid' ? outcome.notification.deduplicationKey : outcome.reason;
    });
    expect(new Set(keys).size).toBe(3);
  });

  test.each([
    ['cancel', 'cancelled'],
    ['fail', 'failed'],
    ['expire', 'failed'],
  ] as const)('says so when a payment ends by %s', async (action, state) => {
    const reference = await payment();
    await merchant.control[action](reference);
    const received = await eventually(() => merchant.received[0]);
    expect(gopay.verifyNotification(message(received))).toMatchObject({ name: 'valid', notification: { state } });
  });
});

describe('a notification that is not from the provider, or not for us, is refused', () => {
  test.each([
    ['signature', 'bad_signature'],
    ['amount', 'bad_signature'],
    ['timestamp', 'stale_timestamp'],
    ['merchant', 'other_merchant'],
  ] as const)('another %s', async (tampering, reason) => {
    const reference = await payment();
    await merchant.control.notify(reference, tampering);
    expect(gopay.verifyNotification(message(await eventually(() => merchant.received[0])))).toEqual({
      name: 'invalid',
      reason,
    });
  });

  test.each(['x-timestamp', 'x-signature'])('a missing %s', async (name) => {
    const reference = await payment();
    await merchant.control.notify(reference);
    const received = await eventually(() => merchant.received[0]);
    const headers = { ...received.headers, [name]: undefined };
    expect(gopay.verifyNotification({ ...message(received), headers })).toEqual({
      name: 'invalid',
      reason: 'missing_header',
    });
  });

  test('one that is older than a quarter of an hour, or as far in the future', async () => {
    const reference = await payment();
    await merchant.control.notify(reference);
    const received = await eventually(() => merchant.received[0]);
    for (const minutes of [16, -16]) {
      const now = new Date(Date.now() + minutes * 60_000);
      expect(gopay.verifyNotification(message(received, now))).toEqual({ name: 'invalid', reason: 'stale_timestamp' });
    }
  });

  test('one for another path', async () => {
    const reference = await payment();
    await merchant.control.notify(reference);
    const received = await eventually(() => merchant.received[0]);
    const signature = sign('RSA-SHA256', Buffer.from('GET:/'), createPrivateKey(merchant.simulatorOptions.privateKey));
    const headers = { ...received.headers, 'x-signature': signature.toString('base64') };
    expect(gopay.verifyNotification({ ...message(received), headers })).toEqual({
      name: 'invalid',
      reason: 'bad_signature',
    });
  });
});

describe('a rightly signed notification', () => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const timestamp = '2026-11-20T10:00:00+07:00';
  const now = new Date(timestamp);
  const PATH = '/v1.0/debit/notify';

  function verified(body: string, path = PATH, signedBody = body) {
    const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
    const headers = {
      'x-timestamp': timestamp,
      'x-signature': signNotification(privateKey, path, signedBody, timestamp),
    };
    const provider = gopayProvider({ ...merchant.configuration, publicKey: pem });
    return provider.verifyNotification({
      headers,
      rawBody: Buffer.from(body),
      path: '/v1/notifications/gopay/v1.0/debit/notify',
      now,
    });
  }

  test('may be signed with our own prefix in its path', () => {
    expect(verified(NOTIFICATION_BODY, '/v1/notifications/gopay/v1.0/debit/notify')).toMatchObject({ name: 'valid' });
  });

  test('may have been signed with the whitespace it came with', () => {
    expect(verified(JSON.stringify(JSON.parse(NOTIFICATION_BODY), null, 2))).toMatchObject({ name: 'valid' });
  });

  test('may have been minified before it was signed', () => {
    const sent = JSON.stringify(JSON.parse(NOTIFICATION_BODY), null, 2);
    expect(verified(sent, PATH, NOTIFICATION_BODY)).toMatchObject({ name: 'valid' });
  });

  test.each([
    ['no JSON', '{'],
    ['no object', '[]'],
    ['no reference', NOTIFICATION_BODY.replace('originalPartnerReferenceNo', 'partnerReferenceNo')],
    ['no status', NOTIFICATION_BODY.replace('latestTransactionStatus', 'status')],
    ['an invalid amount', NOTIFICATION_BODY.replace('102800.00', '-1')],
    ['nothing', ''],
  ])('that holds %s is malformed', (_what, body) => {
    expect(verified(body)).toEqual({ name: 'invalid', reason: 'malformed_body' });
  });

  test('with an unknown status is passed on as unknown', () => {
    const body = NOTIFICATION_BODY.replace('"latestTransactionStatus":"00"', '"latestTransactionStatus":"42"');
    expect(verified(body)).toMatchObject({ name: 'valid', notification: { state: 'unknown', providerState: '42' } });
  });
});

test("Midtrans' published notification is valid", () => {
  const provider = gopayProvider({
    ...merchant.configuration,
    publicKey: MIDTRANS_DEMO_PUBLIC_KEY,
    merchantId: 'G099333790',
  });
  const outcome = provider.verifyNotification({
    headers: { 'x-timestamp': '2024-05-02T14:43:08+07:00', 'x-signature': DEMO_NOTIFICATION_SIGNATURE },
    rawBody: Buffer.from(NOTIFICATION_BODY),
    path: '/v1.0/debit/notify',
    now: new Date('2024-05-02T07:43:10Z'),
  });
  expect(outcome).toMatchObject({
    name: 'valid',
    notification: { reference: 'GP24043015193402809', amount: 10_280_000n },
  });
});

test("answers use the provider's words", () => {
  const kept = gopay.replyToNotification({ name: 'kept' });
  expect(kept.status).toBe(200);
  expect(JSON.parse(kept.body)).toEqual({ responseCode: '2005600', responseMessage: 'Successful' });
  expect(kept.headers).toEqual({
    'content-type': 'application/json',
    'x-timestamp': expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+07:00$/),
  });
  expect(gopay.replyToNotification({ name: 'try_again' }).status).toBe(500);
  for (const reason of [
    'missing_header',
    'stale_timestamp',
    'bad_signature',
    'malformed_body',
    'other_merchant',
  ] as const) {
    const { status, body } = gopay.replyToNotification({ name: 'invalid', reason });
    expect(JSON.parse(body).responseCode).toMatch(new RegExp(`^${status}56\\d\\d$`));
  }
});
