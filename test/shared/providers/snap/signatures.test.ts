import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  bodyHash,
  isNotificationSigned,
  minify,
  rsaVerify,
  tokenSignature,
  transactionSignature,
} from '../../../../shared/providers/snap/signatures.ts';
import * as vectors from './vectors.ts';

const throwAwayKey = createPublicKey(vectors.THROW_AWAY_PUBLIC_KEY);
const demoKey = createPublicKey(vectors.MIDTRANS_DEMO_PUBLIC_KEY);

describe('the published examples', () => {
  test('SNAP-1: the token request of the throw-away key', () => {
    expect(rsaVerify(throwAwayKey, 'DEMO-CLIENT-01|2026-01-15T10:30:00+07:00', vectors.TOKEN_SIGNATURE)).toBe(true);
  });

  test('SNAP-2: a payment', () => {
    expect(bodyHash(vectors.PAYMENT_BODY)).toBe('15064e3c04e4b9594c572acabb502b45aeffe3c47feca8f4735c7e91ddbf63d2');
    expect(
      transactionSignature('snap-client-secret-0001', {
        method: 'POST',
        path: '/v1.0/debit/payment-host-to-host',
        accessToken: 'eyTESTtoken.abc.def',
        body: vectors.PAYMENT_BODY,
        timestamp: '2026-01-15T10:30:05+07:00',
      }),
    ).toBe(vectors.PAYMENT_SIGNATURE);
  });

  test('SNAP-2b: a GET with a query and an empty body', () => {
    expect(
      transactionSignature('snap-client-secret-0001', {
        method: 'GET',
        path: '/v1.0/get-auth-code?state=xyz&scopes=PUBLIC_ID',
        accessToken: 'eyTESTtoken.abc.def',
        body: '',
        timestamp: '2026-01-15T10:30:05+07:00',
      }),
    ).toBe(vectors.AUTH_CODE_SIGNATURE);
  });

  test('SNAP-3: the QR example of Midtrans', () => {
    expect(bodyHash(vectors.QR_BODY)).toBe('01463f60dbb6ca538581579dd95b31c8ba9fc6600eca750e4d8460ca4e402111');
    expect(
      transactionSignature('myclientsecret', {
        method: 'POST',
        path: '/v1.0/qr/qr-mpm-generate',
        accessToken: 'myaccesstoken',
        body: vectors.QR_BODY,
        timestamp: '2024-03-05T10:37:16.196Z',
      }),
    ).toBe(vectors.QR_SIGNATURE);
  });

  test('SNAP-4: the token request of Midtrans', () => {
    expect(rsaVerify(demoKey, 'G1234325-SNAP|2024-03-01T08:27:49.024Z', vectors.DEMO_TOKEN_SIGNATURE)).toBe(true);
  });

  test.each([
    ['SNAP-5', demoKey, '2024-05-02T14:43:08+07:00', vectors.DEMO_NOTIFICATION_SIGNATURE],
    ['SNAP-6', throwAwayKey, '2026-01-15T10:31:00+07:00', vectors.NOTIFICATION_SIGNATURE],
  ])('%s: a notification', (_name, publicKey, timestamp, signature) => {
    expect(bodyHash(vectors.NOTIFICATION_BODY)).toBe(
      '79ebbe6a6b695262dd686d0dedafc57c94e3b3dededf8d63971f8a95699ace85',
    );
    const notification = {
      method: 'POST',
      paths: ['/v1.0/debit/notify'],
      rawBody: Buffer.from(vectors.NOTIFICATION_BODY),
      timestamp,
      signature,
    };
    expect(isNotificationSigned(publicKey, notification)).toBe(true);
    const indented = Buffer.from(JSON.stringify(JSON.parse(vectors.NOTIFICATION_BODY), null, 2));
    expect(isNotificationSigned(publicKey, { ...notification, rawBody: indented })).toBe(true);
    const raised = Buffer.from(vectors.NOTIFICATION_BODY.replace('102800.00', '902800.00'));
    expect(isNotificationSigned(publicKey, { ...notification, rawBody: raised })).toBe(false);
    expect(isNotificationSigned(publicKey, { ...notification, paths: ['/v1.0/debit/other'] })).toBe(false);
    expect(isNotificationSigned(publicKey, { ...notification, timestamp: '2026-01-15T10:31:01+07:00' })).toBe(false);
    expect(isNotificationSigned(publicKey, { ...notification, signature: 'no signature' })).toBe(false);
  });

  test('an empty body is hashed as nothing', () => {
    expect(bodyHash(minify(''))).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
  });
});

test('a token request is signed so that the public half of the key verifies it', () => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const signature = tokenSignature(privateKey, 'client', '2026-11-20T10:00:00+07:00');
  expect(rsaVerify(publicKey, 'client|2026-11-20T10:00:00+07:00', signature)).toBe(true);
  expect(rsaVerify(publicKey, 'client|2026-11-20T10:00:01+07:00', signature)).toBe(false);
});

test('minifying removes whitespace between the parts and nothing else', () => {
  expect(minify('{ "a b" : "c \\" d\\\\" ,\r\n\t"n" : 1.0 , "e" : 1E5, "u":"\\u0041" }')).toBe(
    '{"a b":"c \\" d\\\\","n":1.0,"e":1E5,"u":"\\u0041"}',
  );
  fc.assert(
    fc.property(fc.jsonValue(), fc.integer({ min: 0, max: 4 }), (value, indent) => {
      expect(minify(JSON.stringify(value, null, indent))).toBe(JSON.stringify(value));
    }),
  );
});

test('minifying other texts than JSON ends, in time that grows only with the length', () => {
  fc.assert(fc.property(fc.string(), (text) => minify(text).length <= text.length));
  const started = performance.now();
  minify('"\\'.repeat(100_000));
  expect(performance.now() - started).toBeLessThan(1000);
});
