import { spawn } from 'node:child_process';
import { createHash, createHmac, generateKeyPairSync, randomUUID, sign } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { gopayProvider } from '../../../shared/providers/gopay/gopay.ts';
import { gopayControl } from './control-client.ts';
import { eventually, merchantWithSimulator } from './merchant.ts';
import { startGopaySimulator } from './simulator.ts';

let merchant: Awaited<ReturnType<typeof merchantWithSimulator>>;
let count = 0;

beforeAll(async () => {
  merchant = await merchantWithSimulator();
});
afterAll(() => merchant.close());
beforeEach(async () => {
  await merchant.control.reset();
  merchant.received.length = 0;
  merchant.answers.length = 0;
});

const jakarta = (time = new Date()) => `${new Date(time.getTime() + 7 * 3_600_000).toISOString().slice(0, 19)}+07:00`;

async function post(path: string, headers: Record<string, string>, body: string) {
  const response = await fetch(`${merchant.simulator.url}${path}`, { method: 'POST', headers, body });
  const answer = (await response.json()) as Record<string, unknown>;
  return { status: response.status, timestamp: response.headers.get('x-timestamp'), answer };
}

async function token(change: Record<string, string> = {}, timestamp = jakarta()) {
  const clientKey = change['x-client-key'] ?? merchant.simulatorOptions.clientId;
  const signature = sign('RSA-SHA256', Buffer.from(`${clientKey}|${timestamp}`), merchant.configuration.privateKey);
  const headers = {
    'content-type': 'application/json',
    'x-client-key': clientKey,
    'x-timestamp': timestamp,
    'x-signature': signature.toString('base64'),
    ...change,
  };
  return post('/v1.0/access-token/b2b', headers, '{"grantType":"client_credentials"}');
}

function paymentBody(change: Record<string, unknown> = {}) {
  return {
    partnerReferenceNo: `ORD-${++count}`,
    merchantId: merchant.simulatorOptions.merchantId,
    urlParam: { url: 'https://shop.example/return', type: 'PAY_RETURN', isDeeplink: 'N' },
    payOptionDetails: [
      { payMethod: 'GOPAY', payOption: 'GOPAY_WALLET', transAmount: { value: '150000.00', currency: 'IDR' } },
    ],
    ...change,
  };
}

/** A call signed by the book, written out here a third time so that it depends on no other code. */
async function call(path: string, body: object, change: Record<string, string> = {}) {
  const accessToken = change['token'] ?? String((await token()).answer['accessToken']);
  const text = JSON.stringify(body);
  const timestamp = change['x-timestamp'] ?? jakarta();
  const hash = createHash('sha256').update(text).digest('hex');
  const stringToSign = `POST:${path}:${accessToken}:${hash}:${timestamp}`;
  const signature = createHmac('sha512', merchant.simulatorOptions.clientSecret).update(stringToSign).digest('base64');
  const { token: _token, ...headers } = change;
  const all: Record<string, string> = {
    'content-type': 'application/json',
    authorization: `Bearer ${accessToken}`,
    'x-timestamp': timestamp,
    'x-signature': signature,
    'x-partner-id': merchant.simulatorOptions.partnerId,
    'x-external-id': randomUUID(),
    'channel-id': '12345',
    ...headers,
  };
  return post(path, Object.fromEntries(Object.entries(all).filter(([, value]) => value !== '')), text);
}

const PAY = '/v1.0/debit/payment-host-to-host';
const STATUS = '/v1.0/debit/status';
const CANCEL = '/v1.0/debit/cancel';

describe('the access token', () => {
  test('lasts 900 seconds, said in a string', async () => {
    const { status, answer, timestamp } = await token();
    expect(status).toBe(200);
    expect(answer).toEqual({
      responseCode: '2007300',
      responseMessage: 'Successful',
      accessToken: expect.any(String),
      tokenType: 'Bearer',
      expiresIn: '900',
    });
    expect(timestamp).toMatch(/\+07:00$/);
  });

  test('is invalid after that', async () => {
    const accessToken = String((await token()).answer['accessToken']);
    await merchant.control.settings({ clock_offset_ms: 899_000 });
    const late = { token: accessToken, 'x-timestamp': jakarta(new Date(Date.now() + 899_000)) };
    expect((await call(PAY, paymentBody(), late)).answer['responseCode']).toBe('2005400');
    await merchant.control.settings({ clock_offset_ms: 901_000 });
    const later = { token: accessToken, 'x-timestamp': jakarta(new Date(Date.now() + 901_000)) };
    expect((await call(PAY, paymentBody(), later)).answer).toEqual({
      responseCode: '4015401',
      responseMessage: 'Invalid Token (B2B)',
    });
  });

  test.each([
    [{ 'x-client-key': 'somebody' }, '4017300', 'Unauthorized. [Client]'],
    [{ 'x-signature': 'AAAA' }, '4017300', 'Unauthorized. [Signature]'],
    [{ 'x-timestamp': jakarta(new Date(Date.now() - 600_000)) }, '4017300', 'Unauthorized. [Timestamp]'],
    [{ 'x-timestamp': 'now' }, '4007301', 'Invalid Field Format X-TIMESTAMP'],
    [{ 'x-signature': '' }, '4007302', 'Invalid Mandatory Field X-SIGNATURE'],
  ] as [Record<string, string>, string, string][])(
    'is refused to %j',
    async (change, responseCode, responseMessage) => {
      const { status, answer } = await token(change);
      expect(answer).toEqual({ responseCode, responseMessage });
      expect(status).toBe(Number(responseCode.slice(0, 3)));
    },
  );
});

describe('a call', () => {
  test.each([
    [{ 'x-signature': 'AAAA' }, '4015400', 'Unauthorized. [Signature]'],
    [{ 'x-partner-id': 'somebody' }, '4015400', 'Unauthorized. [Partner]'],
    [{ 'x-timestamp': jakarta(new Date(Date.now() + 600_000)) }, '4015400', 'Unauthorized. [Timestamp]'],
    [{ token: 'made-up' }, '4015401', 'Invalid Token (B2B)'],
    [{ authorization: '' }, '4005402', 'Invalid Mandatory Field AUTHORIZATION'],
    [{ 'x-external-id': '' }, '4005402', 'Invalid Mandatory Field X-EXTERNAL-ID'],
    [{ 'x-external-id': 'x'.repeat(37) }, '4005401', 'Invalid Field Format X-EXTERNAL-ID'],
    [{ 'channel-id': '1' }, '4005401', 'Invalid Field Format CHANNEL-ID'],
  ] as [Record<string, string>, string, string][])(
    'with %j is refused',
    async (change, responseCode, responseMessage) => {
      const { status, answer, timestamp } = await call(PAY, paymentBody(), change);
      expect(answer).toEqual({ responseCode, responseMessage });
      expect(status).toBe(Number(responseCode.slice(0, 3)));
      expect(timestamp).toMatch(/\+07:00$/);
    },
  );

  test.each([
    [{ partnerReferenceNo: undefined }, '4005402', 'Invalid Mandatory Field partnerReferenceNo'],
    [{ partnerReferenceNo: 'x'.repeat(65) }, '4005401', 'Invalid Field Format partnerReferenceNo'],
    [{ merchantId: 'G0' }, '4045408', 'Invalid Merchant'],
    [{ urlParam: undefined }, '4005402', 'Invalid Mandatory Field urlParam.url'],
    [{ payOptionDetails: [] }, '4005402', 'Invalid Mandatory Field payOptionDetails.payMethod'],
    [{ validUpTo: 'tomorrow' }, '4005401', 'Invalid Field Format validUpTo'],
    [
      {
        payOptionDetails: [
          { payMethod: 'GOPAY', payOption: 'GOPAY_WALLET', transAmount: { value: '150000', currency: 'IDR' } },
        ],
      },
      '4005401',
      'Invalid Field Format payOptionDetails.transAmount.value',
    ],
  ] as const)('with a body of %j is refused, naming the field', async (change, responseCode, responseMessage) => {
    expect((await call(PAY, paymentBody(change))).answer).toEqual({ responseCode, responseMessage });
  });

  test('with an external id that was used today, by any service, is a conflict; tomorrow it is not', async () => {
    const id = { 'x-external-id': '41807553358950093184' };
    expect((await call(PAY, paymentBody(), id)).answer['responseCode']).toBe('2005400');
    expect((await call(PAY, paymentBody(), id)).answer).toEqual({
      responseCode: '4095400',
      responseMessage: 'Conflict',
    });
    expect((await call(STATUS, { serviceCode: '54', originalReferenceNo: 'A' }, id)).answer['responseCode']).toBe(
      '4095500',
    );
    const tomorrow = 86_400_000;
    await merchant.control.settings({ clock_offset_ms: tomorrow });
    const timestamp = jakarta(new Date(Date.now() + tomorrow));
    const accessToken = String((await token({}, timestamp)).answer['accessToken']);
    const next = { ...id, token: accessToken, 'x-timestamp': timestamp };
    expect((await call(PAY, paymentBody(), next)).answer['responseCode']).toBe('2005400');
  });

  test('with a reference used before is a duplicate', async () => {
    const body = paymentBody();
    await call(PAY, body);
    expect((await call(PAY, body)).answer).toEqual({
      responseCode: '4095401',
      responseMessage: 'Duplicate partnerReferenceNo',
    });
  });

  test('may be signed over the minified body', async () => {
    const accessToken = String((await token()).answer['accessToken']);
    const body = paymentBody();
    const timestamp = jakarta();
    const hash = createHash('sha256').update(JSON.stringify(body)).digest('hex');
    const signature = createHmac('sha512', merchant.simulatorOptions.clientSecret)
      .update(`POST:${PAY}:${accessToken}:${hash}:${timestamp}`)
      .digest('base64');
    const headers = {
      'content-type': 'application/json',
      authorization: `Bearer ${accessToken}`,
      'x-timestamp': timestamp,
      'x-signature': signature,
      'x-partner-id': merchant.simulatorOptions.partnerId,
      'x-external-id': randomUUID(),
      'channel-id': '12345',
    };
    expect((await post(PAY, headers, JSON.stringify(body, null, 2))).answer['responseCode']).toBe('2005400');
  });

  test('about an unknown reference is not found, and about none is refused', async () => {
    expect((await call(STATUS, { serviceCode: '54', originalReferenceNo: 'A0' })).answer['responseCode']).toBe(
      '4045501',
    );
    expect((await call(STATUS, { serviceCode: '54' })).answer['responseCode']).toBe('4005502');
    expect((await call(STATUS, { originalReferenceNo: 'A0' })).answer['responseCode']).toBe('4005502');
    expect((await call(CANCEL, { originalReferenceNo: 'A0', reason: 'x' })).answer['responseCode']).toBe('4045701');
  });

  test('larger than any merchant sends is cut off', async () => {
    const response = await fetch(`${merchant.simulator.url}${PAY}`, { method: 'POST', body: 'x'.repeat(100_000) });
    expect(response.status).toBe(413);
  });

  test('status tells amount and times, and a payment past its time has failed', async () => {
    const validUpTo = jakarta(new Date(Date.now() + 60_000));
    const { answer } = await call(PAY, paymentBody({ validUpTo }));
    const asked = { serviceCode: '54', originalReferenceNo: answer['referenceNo'] };
    expect((await call(STATUS, asked)).answer).toMatchObject({
      responseCode: '2005500',
      originalPartnerReferenceNo: answer['partnerReferenceNo'],
      originalReferenceNo: answer['referenceNo'],
      serviceCode: '54',
      latestTransactionStatus: '01',
      transAmount: { value: '150000.00', currency: 'IDR' },
    });
    await merchant.control.settings({ clock_offset_ms: 61_000 });
    const later = { 'x-timestamp': jakarta(new Date(Date.now() + 61_000)) };
    expect((await call(STATUS, asked, later)).answer).toMatchObject({
      latestTransactionStatus: '06',
      transactionStatusDesc: 'EXPIRED',
    });
    expect((await call(CANCEL, { originalReferenceNo: answer['referenceNo'], reason: 'late' }, later)).answer).toEqual({
      responseCode: '4035700',
      responseMessage: 'Transaction Expired',
    });
  });
});

describe('the payer', () => {
  async function openPayment(change: Record<string, unknown> = {}) {
    const { answer } = await call(PAY, paymentBody(change));
    return { page: String(answer['webRedirectUrl']), reference: String(answer['partnerReferenceNo']) };
  }
  const press = (page: string, button: string, headers: Record<string, string> = {}) =>
    fetch(`${page}/${button}`, { method: 'POST', redirect: 'manual', headers });
  const status = async (reference: string) =>
    (await merchant.control.payments()).find((payment) => payment.partnerReferenceNo === reference)?.status;

  test('sees the amount and the payee, on a page that no text can break', async () => {
    const { page } = await openPayment({
      urlParam: { url: 'https://shop.example/?a=1&b="><script>alert(1)</script>', type: 'PAY_RETURN', isDeeplink: 'N' },
      additionalInfo: { items: [{ name: '<img src=x onerror=alert(1)>' }] },
    });
    const response = await fetch(page);
    const html = await response.text();
    expect(html).toContain('Simulator');
    expect(html).toContain('Warung &lt;Ibu&gt; &amp; &quot;Sons&quot;');
    expect(html).toMatch(/Rp\s150\.000/);
    expect(html).toContain('&lt;img src=x onerror=alert(1)&gt;');
    expect(html).toMatch(/<button[^>]*>Pay Rp\s150\.000<\/button>/);
    expect(html).toMatch(/<button[^>]*>Cancel<\/button>/);
    expect(html).not.toContain('<script');
    const policy = response.headers.get('content-security-policy') ?? '';
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain(/<style nonce="([^"]+)">/.exec(html)?.[1] ?? 'no nonce');
  });

  test('pays, sees it, and finds the way back', async () => {
    const { page, reference } = await openPayment();
    await fetch(page);
    expect(await status(reference)).toBe('pending');
    const answer = await press(page, 'pay');
    expect(answer.status).toBe(303);
    expect(await status(reference)).toBe('paid');
    const html = await (await fetch(page)).text();
    expect(html).toContain('Payment successful');
    expect(html).toContain('href="https://shop.example/return"');
    expect(html).not.toContain('<button');
    const received = await eventually(() => merchant.received[0]);
    expect(received.body).toMatchObject({ originalPartnerReferenceNo: reference, latestTransactionStatus: '00' });
  });

  test('cancels, and then cannot pay any more', async () => {
    const { page, reference } = await openPayment();
    expect((await press(page, 'cancel')).status).toBe(303);
    expect(await status(reference)).toBe('cancelled');
    const refused = await press(page, 'pay');
    expect(refused.status).toBe(409);
    expect(await refused.text()).toContain('can no longer be changed');
    expect(await status(reference)).toBe('cancelled');
  });

  test('cannot pay what the merchant has cancelled', async () => {
    const { page, reference } = await openPayment();
    const { externalId } = (await merchant.control.payments())[0] ?? {};
    await call(CANCEL, { originalExternalId: externalId, reason: 'out of stock' });
    expect((await press(page, 'pay')).status).toBe(409);
    expect(await status(reference)).toBe('cancelled');
  });

  test('cannot pay when the time is over', async () => {
    const { page, reference } = await openPayment({ validUpTo: jakarta(new Date(Date.now() + 60_000)) });
    await merchant.control.settings({ clock_offset_ms: 61_000 });
    expect((await press(page, 'pay')).status).toBe(409);
    expect(await status(reference)).toBe('expired');
  });

  test('cannot pay with too little money', async () => {
    await merchant.control.settings({ balance: '149999.00' });
    const { page, reference } = await openPayment();
    const refused = await press(page, 'pay');
    expect(await refused.text()).toContain('balance is too low');
    expect(await status(reference)).toBe('initiated');
  });

  test('cannot be made to pay by another site', async () => {
    const { page, reference } = await openPayment();
    expect((await press(page, 'pay', { 'sec-fetch-site': 'cross-site' })).status).toBe(409);
    expect(await status(reference)).toBe('initiated');
  });

  test('finds every payment in the list, and no page at other paths', async () => {
    const { page, reference } = await openPayment();
    const list = await (await fetch(`${merchant.simulator.url}/`)).text();
    expect(list).toContain(reference);
    expect(list).toContain(`href="${new URL(page).pathname}"`);
    expect((await fetch(`${merchant.simulator.url}/app/${randomUUID()}`)).status).toBe(404);
    expect((await fetch(`${merchant.simulator.url}/nothing`)).status).toBe(404);
    expect((await fetch(page, { method: 'POST' })).status).toBe(405);
  });
});

describe('notifications', () => {
  async function paid() {
    const { answer } = await call(PAY, paymentBody());
    const reference = String(answer['partnerReferenceNo']);
    await merchant.control.pay(reference);
    return reference;
  }

  test('are repeated until they are acknowledged', async () => {
    merchant.answers.push(500, 404);
    await paid();
    await eventually(async () => (await merchant.control.notifications())[0]?.state === 'delivered');
    expect(await merchant.control.notifications()).toMatchObject([{ answers: [500, 404, 200] }]);
    expect(merchant.received).toHaveLength(3);
  });

  test('are given up in the end', async () => {
    merchant.answers.push(500, 500, 500, 500);
    await paid();
    await eventually(async () => (await merchant.control.notifications())[0]?.state === 'given_up');
    expect(merchant.received).toHaveLength(4);
  });

  test('come out of order when told to', async () => {
    await merchant.control.settings({ notifications: 'hold' });
    const reference = await paid();
    await merchant.control.refund(reference);
    expect(merchant.received).toHaveLength(0);
    await merchant.control.release(true);
    expect(merchant.received.map((received) => received.body['latestTransactionStatus'])).toEqual(['04', '00']);
  });

  test('do not come when told not to, and can be sent by hand', async () => {
    await merchant.control.settings({ notifications: 'suppress' });
    const reference = await paid();
    expect(await merchant.control.notifications()).toMatchObject([{ state: 'suppressed', answers: [] }]);
    expect(await merchant.control.notify(reference)).toMatchObject({ status: 200 });
    expect(merchant.received).toHaveLength(1);
  });
});

describe('the control API', () => {
  test.each([
    ['faults', { service: '99' }, 400],
    ['faults', { scenario: 'unheard_of' }, 400],
    ['settings', { unheard_of: true }, 400],
    ['payments/NONE/pay', {}, 404],
    ['unheard-of', {}, 404],
  ])('refuses %s with %j', async (path, body, status) => {
    const response = await fetch(`${merchant.simulator.url}/__sim/${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    expect(response.status).toBe(status);
  });

  test('takes no forms', async () => {
    const response = await fetch(`${merchant.simulator.url}/__sim/reset`, {
      method: 'POST',
      body: new URLSearchParams(),
    });
    expect(response.status).toBe(415);
  });

  test('refuses actions that a payment’s state forbids', async () => {
    const { answer } = await call(PAY, paymentBody());
    const reference = String(answer['partnerReferenceNo']);
    await merchant.control.pay(reference);
    await expect(merchant.control.pay(reference)).rejects.toThrow('the payment is paid');
    await expect(merchant.control.cancel(reference)).rejects.toThrow('the payment is paid');
  });
});

describe('a restart', () => {
  const folder = mkdtempSync(join(tmpdir(), 'gopay-simulator-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test('loses no payment and no notification', async () => {
    const stateFile = join(folder, 'state', 'gopay.json');
    const first = await merchantWithSimulator({ stateFile, retryDelaysMs: [60_000] });
    first.answers.push(500);
    const gopay = gopayProvider(first.configuration);
    const order = {
      reference: 'TOP-KEPT',
      amount: 1_000_000n,
      currency: 'IDR',
      returnUrl: 'https://shop.example/',
      expiresAt: new Date(Date.now() + 600_000),
    };
    await gopay.requestPayment(order);
    await first.control.pay('TOP-KEPT');
    await eventually(async () => (await first.control.notifications())[0]?.answers.length);
    await first.simulator.close();

    const second = await startGopaySimulator({
      ...first.simulatorOptions,
      port: Number(new URL(first.simulator.url).port),
    });
    await eventually(() => first.received.length === 2);
    // The token from before the restart is unknown now; the adapter gets a new one.
    expect(await gopay.inquire({ reference: 'TOP-KEPT' })).toMatchObject({ name: 'paid', amount: 1_000_000n });
    expect(await gopay.requestPayment(order)).toMatchObject({ name: 'unknown', reason: 'duplicate_reference' });
    await second.close();
    await first.close();
  });

  test('with a state file that cannot be read prints what to do', async () => {
    const stateFile = join(folder, 'broken.json');
    writeFileSync(stateFile, '{');
    await expect(startGopaySimulator({ ...merchant.simulatorOptions, stateFile })).rejects.toThrow(
      'delete it to start afresh',
    );
  });
});

test('runs as a process of its own', async () => {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  const environment = {
    PATH: process.env['PATH'],
    PORT: '0',
    NOTIFICATION_URL: merchant.shopUrl,
    CLIENT_ID: 'client',
    CLIENT_SECRET: 'secret',
    PARTNER_ID: 'partner',
    MERCHANT_PUBLIC_KEY: publicKey,
    PRIVATE_KEY: privateKey,
  };
  const server = join(import.meta.dirname, 'server.ts');
  const child = spawn(process.execPath, [server, '--merchant-id', 'M1'], { env: environment });
  const output: string[] = [];
  child.stdout.on('data', (chunk) => output.push(String(chunk)));
  child.stderr.on('data', (chunk) => output.push(String(chunk)));
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const url = await eventually(() => /GoPay simulator: (\S+)/.exec(output.join(''))?.[1]);
  expect(await gopayControl(url).payments()).toEqual([]);
  expect(await (await fetch(`${url}/health`)).text()).toBe('ok');
  child.kill('SIGTERM');
  expect(await ended).toBe(0);
});
