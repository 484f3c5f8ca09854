// The journey of the first release, through the gateway's one address, on the platform that `make up` starts.

import { randomBytes, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import { Kafka, logLevel } from 'kafkajs';
import pg from 'pg';
import type { Platform } from '../../knative/local/platform.ts';
import { gopayControl } from '../sandbox/gopay/control-client.ts';
import { brokenPromises } from '../setup/accounts.ts';
import { type TemporaryDirectory, temporaryDirectory } from '../setup/temporary-directory.ts';
import { arrive, ask, PASSWORD, startJourneyPlatform, type Traveller, until } from './journey.ts';

let directory: TemporaryDirectory;
let platform: Platform;
let gopay: ReturnType<typeof gopayControl>;
let admin: pg.Client;
let ayu: Traveller;
let budi: Traveller;
let warung: Traveller;

beforeAll(async () => {
  directory = await temporaryDirectory();
  platform = await startJourneyPlatform(directory.path);
  gopay = gopayControl(platform.simulators['gopay'] ?? '');
  admin = new pg.Client({ connectionString: platform.databaseUrls.admin });
  await admin.connect();
  [ayu, budi, warung] = [
    await arrive(platform.publicUrl),
    await arrive(platform.publicUrl),
    await arrive(platform.publicUrl, 'merchant'),
  ];
}, 240_000);

afterAll(async () => {
  await admin?.end();
  await platform?.stop();
  await directory?.remove();
}, 60_000);

const balanceOf = async (traveller: Traveller) => (await traveller.get('/v1/account')).body.data.account.balance;

test('the parts are real, and each reports its own version', () => {
  const said = platform.parts.map(({ description }) => description).join('\n');
  expect(said).toMatch(/PostgreSQL 18/);
  expect(said).toMatch(/Redis \d/);
  if (process.env['CI'] === 'true') {
    expect(said).toMatch(/Kafka [4-9]/);
    expect(said).not.toMatch(/js-redis-server|re-implementation/i);
  }
});

describe('a session', () => {
  test('its access token is verified by any JOSE library with the published keys', async () => {
    const keys = createRemoteJWKSet(new URL(`${platform.publicUrl}/.well-known/jwks.json`));
    const { payload, protectedHeader } = await jwtVerify(ayu.accessToken, keys, {
      issuer: platform.publicUrl,
      audience: 'one-gate',
      typ: 'at+jwt',
    });
    expect(protectedHeader).toMatchObject({ alg: 'EdDSA', kid: expect.any(String) });
    expect(payload).toMatchObject({ account_id: ayu.accountId, username: ayu.username });
  });

  test('can be carried on with its refresh token, once', async () => {
    const { body } = await ask(`${platform.publicUrl}/v1/login`, 'POST', {
      identifier: budi.username,
      password: PASSWORD,
    });
    const refresh = () => ask(`${platform.publicUrl}/v1/refresh`, 'POST', { refresh_token: body.data.refresh_token });
    const first = await refresh();
    expect(first.status).toBe(200);
    expect((await refresh()).status).toBe(401);
  });

  test('ends at logout, everywhere within seconds', async () => {
    const guest = await arrive(platform.publicUrl);
    expect((await guest.get('/v1/account')).status).toBe(200);
    expect((await guest.post('/v1/logout')).status).toBe(204);
    const refused = await until(async () => {
      const answer = await guest.get('/v1/account');
      return answer.status === 401 && answer;
    });
    expect(refused.body.code).toBe('session_ended');
  });
});

describe('a top-up', () => {
  test('is pending at once; on the page of GoPay a person presses Pay; the balance changes once', async () => {
    const before = await balanceOf(ayu);
    const asked = await ayu.post('/v1/topup', {
      amount: '500000',
      payment_method: 'GOPAY',
      return_url: 'https://app.example.com/wallet',
    });
    expect(asked.status).toBe(202);
    const { transaction, redirect_url: redirectUrl } = asked.body.data;
    expect(transaction).toMatchObject({
      type: 'TOPUP',
      status: 'PENDING',
      amount: '500000.00',
      balance_before: before,
      balance_after: before,
      payment_method: 'GOPAY',
    });

    const page = await (await fetch(redirectUrl)).text();
    expect(page).toMatch(/<button[^>]*>[\s\S]*?(Pay|Bayar)/);
    expect(page).toContain('500.000');
    const paid = await fetch(...pressPay(redirectUrl, page));
    expect(paid.status).toBeLessThan(400);

    const settled = await until(async () => {
      const { body } = await ayu.get(`/v1/transactions/${transaction.id}`);
      return body.data?.transaction.status === 'SUCCESS' && body.data.transaction;
    });
    expect(settled).toMatchObject({ status: 'SUCCESS', balance_before: before, balance_after: '500000.00' });
    expect(await balanceOf(ayu)).toBe('500000.00');
  }, 60_000);

  test('notified twenty times is settled once', async () => {
    const before = Number(await balanceOf(budi));
    const asked = await budi.post('/v1/topup', { amount: '100000', payment_method: 'GOPAY' });
    const { referenceNo } = await paymentOf(asked.body.data.transaction.transaction_id);
    await gopay.pay(referenceNo);
    const answers = await Promise.all(Array.from({ length: 20 }, () => gopay.notify(referenceNo)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    await until(async () => (await balanceOf(budi)) !== `${before}.00`);
    // Every notification has arrived and was handled: the outbox and the topic are drained.
    await until(async () => (await admin.query('select 1 from outbox')).rowCount === 0);
    expect(Number(await balanceOf(budi))).toBe(before + 100_000);
    expect(await brokenPromises(admin)).toEqual([]);
  }, 60_000);

  test('keeps its trace from the request through Kafka to the event of its settlement', async () => {
    // Without Java there is no Kafka to read; CI insists on it.
    if (!platform.brokers && process.env['CI'] !== 'true') return;
    const traceId = randomBytes(16).toString('hex');
    const headers = {
      authorization: `Bearer ${budi.accessToken}`,
      'idempotency-key': randomUUID(),
      traceparent: `00-${traceId}-00f067aa0ba902b7-01`,
    };
    const asked = await ask(
      `${platform.publicUrl}/v1/topup`,
      'POST',
      { amount: '1000', payment_method: 'GOPAY' },
      headers,
    );
    const { operation_id: operation, transaction_id: reference } = asked.body.data.transaction;
    await gopay.pay((await paymentOf(reference)).referenceNo);
    const events = await until(async () => {
      const seen = (await eventsOf('one-gate.topups.gopay')).filter(({ subject }) => subject === operation);
      return seen.some(({ type }) => type === 'one-gate.topup.succeeded') && seen;
    });
    const traceOf = (type: string) => events.find((event) => event.type === type)?.traceparent?.split('-')[1];
    expect(traceOf('one-gate.topup.requested')).toBe(traceId);
    // The provider's notification begins a trace of its own, which goes through Kafka into the settlement.
    expect(traceOf('one-gate.topup.notified')).toMatch(/^[0-9a-f]{32}$/);
    expect(traceOf('one-gate.topup.succeeded')).toBe(traceOf('one-gate.topup.notified'));
  }, 60_000);

  test('that is not paid can be cancelled, once the provider confirms it', async () => {
    const asked = await ayu.post('/v1/topup', { amount: '20000', payment_method: 'GOPAY' });
    const { transaction } = asked.body.data;
    const cancelled = await ayu.post('/v1/cancel', { transaction_id: transaction.transaction_id });
    expect(cancelled.body.data.transaction).toMatchObject({ id: transaction.id, status: 'CANCELLED' });
    const { referenceNo } = await paymentOf(transaction.transaction_id);
    await expect(gopay.pay(referenceNo)).rejects.toThrow();
    expect(await balanceOf(ayu)).toBe('500000.00');
  });
});

describe('a payment', () => {
  test('finds its merchant, moves the money at once, and both sides see their leg', async () => {
    const found = await ayu.get(`/v1/payees?username=${warung.username}`);
    expect(found.body.data.payee).toMatchObject({ account_id: warung.accountId, type: 'merchant' });
    const key = randomUUID();
    const order = {
      amount: '75000',
      to: { username: warung.username },
      reference: 'MEJA-7',
      metadata: { cashier: 'sari' },
    };
    const paid = await ayu.post('/v1/pay', order, key);
    expect(paid.status).toBe(201);
    const again = await ayu.post('/v1/pay', order, key);
    expect([again.status, again.headers.get('idempotent-replayed'), again.body.data]).toEqual([
      201,
      'true',
      paid.body.data,
    ]);
    expect([await balanceOf(ayu), await balanceOf(warung)]).toEqual(['425000.00', '75000.00']);

    const { operation_id: operation } = paid.body.data.transaction;
    const theirs = await warung.get(`/v1/transactions/${operation}`);
    expect(theirs.body.data.transaction).toMatchObject({
      direction: 'credit',
      amount: '75000.00',
      external_reference: 'MEJA-7',
      counterparty: { username: ayu.username },
    });
    const byReference = await warung.get('/v1/transactions?reference=MEJA-7');
    expect(byReference.body.data).toHaveLength(1);
  });

  test('shows in the history, page by page and filtered', async () => {
    const all = await ayu.get('/v1/transactions');
    expect(all.body.data.map(({ type, status }: { type: string; status: string }) => `${type} ${status}`)).toEqual([
      'PAYMENT SUCCESS',
      'TOPUP CANCELLED',
      'TOPUP SUCCESS',
    ]);
    const first = await ayu.get('/v1/transactions?limit=2');
    const second = await ayu.get(`/v1/transactions?limit=2&cursor=${first.body.next_cursor}`);
    expect([...first.body.data, ...second.body.data]).toEqual(all.body.data);
    expect(second.body.next_cursor).toBeNull();
    const topups = await ayu.get(
      '/v1/transactions?type=TOPUP&status=SUCCESS&payment_method=GOPAY&from=2026-01-01T00:00:00Z',
    );
    expect(topups.body.data).toHaveLength(1);
  });
});

describe('the rest of a wallet', () => {
  test('a payment is given back in parts, each of them a transaction that names it', async () => {
    const paid = await ayu.post('/v1/pay', { amount: '30000', to: { username: warung.username } });
    const { transaction_id: id, operation_id: operation } = paid.body.data.transaction;
    expect(paid.body).toMatchObject({ outcome: 'succeeded', safe_to_retry: true });
    const before = [Number(await balanceOf(ayu)), Number(await balanceOf(warung))] as const;
    const part = await warung.post('/v1/refund', { transaction_id: id, amount: '10000', reason: 'cold soup' });
    const rest = await warung.post('/v1/refund', { transaction_id: id });
    for (const [refund, amount] of [
      [part, '10000.00'],
      [rest, '20000.00'],
    ] as const) {
      expect(refund.body.data.transaction).toMatchObject({ type: 'REFUND', amount, refund_of: operation });
    }
    const more = await warung.post('/v1/refund', { transaction_id: id, amount: '0.01' });
    expect(more.body).toMatchObject({ code: 'refund_too_large', limit: { value: '30000.00', left: '0.00' } });
    expect([await balanceOf(ayu), await balanceOf(warung)]).toEqual([
      `${before[0] + 30_000}.00`,
      `${before[1] - 30_000}.00`,
    ]);
  });

  test('money goes to a friend, and a stranger checks the receipt offline', async () => {
    const sent = await ayu.post('/v1/transfer', {
      amount: '5000',
      to: { username: budi.username },
      description: 'kopi',
    });
    expect(sent.body.data.transaction).toMatchObject({ type: 'TRANSFER', status: 'SUCCESS', description: 'kopi' });
    const { transaction_id: id } = sent.body.data.transaction;
    const receipt = await ayu.get(`/v1/transactions/${id}/receipt`);
    const keys = createRemoteJWKSet(new URL(`${platform.publicUrl}/.well-known/receipt-keys.json`));
    const { payload } = await jwtVerify(receipt.body.data.receipt, keys, { issuer: platform.publicUrl });
    expect(JSON.stringify(payload)).toContain(id);
    const others = createRemoteJWKSet(new URL(`${platform.publicUrl}/.well-known/jwks.json`));
    await expect(jwtVerify(receipt.body.data.receipt, others)).rejects.toThrow();
  });

  test('held money is not available until it is captured or released', async () => {
    const balance = Number(await balanceOf(ayu));
    const hold = async () =>
      (await ayu.post('/v1/hold', { amount: '40000', to: { username: warung.username } })).body.data.transaction;
    const [kept, given] = [await hold(), await hold()];
    const account = async () => (await ayu.get('/v1/account')).body.data.account;
    expect(await account()).toMatchObject({ balance: `${balance}.00`, available: `${balance - 80_000}.00` });
    const captured = await warung.post('/v1/capture', { transaction_id: kept.transaction_id, amount: '15000' });
    expect(captured.body.data.transaction).toMatchObject({ status: 'SUCCESS', amount: '15000.00' });
    expect((await warung.post('/v1/void', { transaction_id: given.transaction_id })).status).toBe(201);
    expect(await account()).toMatchObject({ balance: `${balance - 15_000}.00`, available: `${balance - 15_000}.00` });
  });

  test('a key tells the result of its request, and an account tells its balance at any time', async () => {
    const before = await ayu.get('/v1/account');
    const [key, time] = [`order ${randomUUID()}`, before.body.timestamp];
    const paid = await ayu.post('/v1/pay', { amount: '1000', to: { username: warung.username } }, key);
    const seen = await ayu.get(`/v1/idempotency-keys/${encodeURIComponent(key)}`);
    expect(seen.body.data).toMatchObject({
      state: 'completed',
      function: 'pay',
      outcome: 'succeeded',
      operation_id: paid.body.data.transaction.operation_id,
    });
    expect((await budi.get(`/v1/idempotency-keys/${encodeURIComponent(key)}`)).status).toBe(404);
    const past = await ayu.get(`/v1/account?at=${encodeURIComponent(time)}`);
    expect(past.body.data.account.balance).toBe(before.body.data.account.balance);
    expect(past.body.data.account.balance).not.toBe(await balanceOf(ayu));
  });

  test('an account takes in no more than the law allows', async () => {
    const asked = await budi.post('/v1/topup', { amount: '1999999', payment_method: 'GOPAY' });
    expect(asked.body).toMatchObject({
      status: 422,
      code: 'balance_limit_exceeded',
      limit: { rule: 'wallet_balance', value: '2000000.00', left: expect.stringMatching(/^\d+\.\d\d$/) },
    });
  });
});

describe('at the gateway', () => {
  test('a request cannot pass for an event', async () => {
    const event = { 'ce-id': '1', 'ce-type': 'one-gate.topup.notified', 'ce-source': '/x', 'ce-specversion': '1.0' };
    const paid = await ask(
      `${platform.publicUrl}/v1/pay`,
      'POST',
      { amount: '1', to: { username: warung.username } },
      { ...event, authorization: `Bearer ${ayu.accessToken}`, 'idempotency-key': randomUUID() },
    );
    // Kong removes the headers; the rest is an ordinary request.
    expect(paid.status).toBe(201);
    for (const path of ['/events', '/v1/settle-topup', '/settle-topup']) {
      expect((await ask(`${platform.publicUrl}${path}`, 'POST', {}, event)).status).toBe(404);
    }
    const structured = await fetch(`${platform.publicUrl}/v1/pay`, {
      method: 'POST',
      headers: { 'content-type': 'application/cloudevents+json', authorization: `Bearer ${ayu.accessToken}` },
      body: '{}',
    });
    expect(structured.status).toBe(415);
  });

  test.each([
    ['no token', { headers: {} }, 401],
    ['a forged token', { headers: { authorization: 'Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.' } }, 401],
    ['2 MB', { headers: {}, body: 'x'.repeat(2_000_000) }, 413],
    ['another method', { method: 'DELETE' }, 404],
    ['another address', { path: '/v1/gift' }, 404],
  ])(
    '%s is answered with our problem document',
    async (_name, {
      path = '/v1/pay',
      method = 'POST',
      headers = {},
      body,
    }: { path?: string; method?: string; headers?: Record<string, string>; body?: string }, status) => {
      const authorization = body ? { authorization: `Bearer ${ayu.accessToken}` } : {};
      const response = await fetch(`${platform.publicUrl}${path}`, {
        method,
        headers: { 'content-type': 'application/json', ...authorization, ...headers },
        ...(body && { body }),
      });
      expect([response.status, response.headers.get('content-type')]).toEqual([
        status === 404 && method === 'DELETE' ? response.status : status,
        'application/problem+json',
      ]);
      const problem = (await response.json()) as { type: string; request_id: string; code: string };
      expect(problem.request_id).toBeTruthy();
      const page = await fetch(problem.type);
      expect([page.status, (await page.text()).includes(problem.code)]).toEqual([200, true]);
    },
  );

  test('the API document describes the endpoints that exist', async () => {
    const { body: document } = await ask(`${platform.publicUrl}/v1/openapi.json`, 'GET');
    expect(document.openapi).toMatch(/^3\.1/);
    expect(Object.keys(document.paths)).toEqual(
      expect.arrayContaining([
        '/v1/pay',
        '/v1/topup',
        '/v1/cancel',
        '/v1/transactions/{id}',
        '/v1/notifications/gopay/v1.0/debit/notify',
      ]),
    );
    expect((await fetch(`${platform.publicUrl}/docs`)).status).toBe(200);
  });
});

test('at the end every promise of the ledger holds, and nothing is left in the outbox', async () => {
  await until(async () => (await admin.query('select 1 from outbox')).rowCount === 0);
  expect(await brokenPromises(admin)).toEqual([]);
}, 60_000);

async function paymentOf(transactionId: string): Promise<{ referenceNo: string }> {
  const payment = (await gopay.payments()).find(({ partnerReferenceNo }) =>
    partnerReferenceNo.startsWith(transactionId),
  );
  if (!payment) throw new Error(`GoPay knows nothing of ${transactionId}`);
  return payment;
}

/** Reads every event of a topic up to now from Kafka, in a consumer group of its own. */
async function eventsOf(topic: string): Promise<Record<string, string>[]> {
  const kafka = new Kafka({ clientId: 'journey', brokers: [...(platform.brokers ?? [])], logLevel: logLevel.NOTHING });
  const adminOfKafka = kafka.admin();
  await adminOfKafka.connect();
  const ends = await adminOfKafka.fetchTopicOffsets(topic);
  await adminOfKafka.disconnect();
  const expected = ends.reduce((sum, { low, high }) => sum + Number(high) - Number(low), 0);
  const events: Record<string, string>[] = [];
  const consumer = kafka.consumer({ groupId: randomUUID(), maxWaitTimeInMs: 100 });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await new Promise<void>((resolve) => {
    if (expected === 0) resolve();
    void consumer.run({
      eachMessage: async ({ message }) => {
        if (events.push(JSON.parse(String(message.value))) === expected) resolve();
      },
    });
  });
  await consumer.disconnect();
  return events;
}

/** The request that the browser sends when the page's first button is pressed. */
function pressPay(pageUrl: string, html: string): [string, RequestInit] {
  const action = /<form[^>]*action="([^"]*)"/.exec(html)?.[1] ?? '';
  return [new URL(action, pageUrl).toString(), { method: 'POST', redirect: 'manual' }];
}
