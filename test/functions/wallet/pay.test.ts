import { createHmac, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { SignJWT } from 'jose';
import { brokenPromises } from '../../setup/accounts.ts';
import { makeKey } from '../identity/identity-service.ts';
import { type Person, serveWallet, type WalletService } from './wallet-service.ts';

let service: WalletService;
let payer: Person;
let merchant: Person;

beforeAll(async () => {
  service = await serveWallet(async () => [
    (await import('../../../functions/wallet/pay.ts')).default,
    (await import('../../../functions/wallet/list-transactions.ts')).default,
    (await import('../../../functions/wallet/get-transaction.ts')).default,
    (await import('../../../functions/wallet/get-account.ts')).default,
    (await import('../../../functions/wallet/find-payee.ts')).default,
  ]);
  payer = await service.openWallet({ balance: '1000000.00' });
  merchant = await service.openWallet({ username: 'warung_sari', type: 'merchant' });
});

afterAll(async () => {
  expect(await brokenPromises(service.admin)).toEqual([]);
  await service.close();
});

const pay = (body: unknown, more: { as?: { token: string }; key?: string; headers?: Record<string, string> } = {}) =>
  service.call('pay', '/v1/pay', { as: payer, body, ...more });
const order = (amount = '1.00') => ({ amount, to: { username: merchant.username } });

/** The number of rows in every table that a payment writes to. */
async function traces(): Promise<unknown> {
  const { rows } = await service.admin.query(
    'select (select count(*) from historical_transactions) legs, (select count(*) from idempotency_keys) keys, (select count(*) from outbox) events, (select sum(version) from accounts) versions',
  );
  return rows[0];
}

test('a payment is answered with the transaction, and both sides see their leg at once', async () => {
  const ada = await service.openWallet({ balance: '150000.00' });
  const body = {
    amount: '50000',
    to: { username: 'Warung_Sari' },
    reference: 'INV-1',
    description: 'nasi goreng',
    metadata: { table: '7' },
  };
  const answer = await pay(body, { as: ada });
  expect(answer.status).toBe(201);
  expect(answer.headers.get('idempotent-replayed')).toBeNull();
  const { transaction } = answer.body.data;
  expect(transaction).toMatchObject({
    transaction_id: `PAY-${transaction.id.replaceAll('-', '').toUpperCase()}`,
    type: 'PAYMENT',
    status: 'SUCCESS',
    direction: 'debit',
    amount: '50000.00',
    currency: 'IDR',
    balance_before: '150000.00',
    balance_after: '100000.00',
    description: 'nasi goreng',
    external_reference: 'INV-1',
    counterparty: { account_id: merchant.accountId, username: 'warung_sari', type: 'merchant' },
    metadata: { table: '7' },
  });
  const [mine, theirs] = await Promise.all(
    [ada, merchant].map((as) =>
      service.call('get-transaction', `/v1/transactions/${transaction.operation_id}`, { method: 'GET', as }),
    ),
  );
  expect(mine?.body.data.transaction).toEqual(transaction);
  expect(theirs?.body.data.transaction).toMatchObject({
    direction: 'credit',
    operation_id: transaction.operation_id,
    counterparty: { username: ada.username },
  });
  const found = await service.call('list-transactions', '/v1/transactions?reference=INV-1', {
    method: 'GET',
    as: merchant,
  });
  expect(found.body.data).toEqual([theirs?.body.data.transaction]);
});

test('a repeated request gets the same data byte for byte, marked as a repetition', async () => {
  const key = randomUUID();
  const first = await pay(order(), { key });
  const second = await pay(order(), { key: `"${key}"` });
  const dataOf = (text: string) => text.slice(0, text.indexOf(',"request_id"'));
  expect([second.status, dataOf(second.text)]).toEqual([201, dataOf(first.text)]);
  expect(second.headers.get('idempotent-replayed')).toBe('true');
  expect(second.body.request_id).not.toBe(first.body.request_id);
});

test('metadata keeps every sent name, and each makes the request another one', async () => {
  const key = randomUUID();
  const to = { username: merchant.username };
  const notes = '{"__proto__":"1","constructor":"2","hasOwnProperty":"4","prototype":"3","toString":"5"}';
  const send = (metadata: string) =>
    pay(`{"amount":"1.00","to":${JSON.stringify(to)},"metadata":${metadata}}`, {
      key,
      headers: { 'content-type': 'application/json' },
    });
  const first = await send(notes);
  expect(first.status).toBe(201);
  expect(first.text).toContain(`"metadata":${notes}`);
  const { id } = first.body.data.transaction;
  const read = await service.call('get-transaction', `/v1/transactions/${id}`, { method: 'GET', as: payer });
  expect(read.text).toContain(`"metadata":${notes}`);
  expect((await send(notes)).headers.get('idempotent-replayed')).toBe('true');
  for (const name of ['__proto__', 'constructor', 'prototype']) {
    const other = await send(JSON.stringify(JSON.parse(notes)).replace(new RegExp(`"${name}":"\\d",`), ''));
    expect([other.status, other.body.errors?.[0].pointer]).toEqual([422, `/metadata/${name}`]);
  }
});

test('twenty equal requests at once move the money once', async () => {
  const ada = await service.openWallet({ balance: '1000.00' });
  const key = randomUUID();
  const answers = await Promise.all(Array.from({ length: 20 }, () => pay(order('10.00'), { as: ada, key })));
  expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(201));
  expect(answers.filter(({ headers }) => headers.get('idempotent-replayed') !== 'true')).toHaveLength(1);
  const account = await service.call('get-account', '/v1/account', { method: 'GET', as: ada });
  expect(account.body.data.account).toMatchObject({
    balance: '990.00',
    available: '990.00',
    currency: 'IDR',
    status: 'ACTIVE',
  });
});

test('a key with another request is told what differs', async () => {
  const key = randomUUID();
  await pay(order('1.00'), { key });
  const answer = await pay({ ...order('2.00'), reference: 'x' }, { key });
  expect(answer).toMatchObject({
    status: 422,
    body: { code: 'idempotency_key_reused', outcome: 'failed', safe_to_retry: false },
  });
  expect(answer.body.errors.map(({ pointer }: { pointer: string }) => pointer)).toEqual(['/amount', '/reference']);
});

test('the same key of two payers is two keys', async () => {
  const [ada, grace] = [await service.openWallet({ balance: '5.00' }), await service.openWallet({ balance: '5.00' })];
  const key = randomUUID();
  const answers = [await pay(order(), { as: ada, key }), await pay(order(), { as: grace, key })];
  expect(answers.map(({ status, headers }) => [status, headers.get('idempotent-replayed')])).toEqual([
    [201, null],
    [201, null],
  ]);
});

test('insufficient funds are refused, kept, and replayed', async () => {
  const poor = await service.openWallet({ balance: '0.99' });
  const key = randomUUID();
  const answers = [await pay(order(), { as: poor, key }), await pay(order(), { as: poor, key })];
  for (const answer of answers) {
    expect(answer).toMatchObject({
      status: 402,
      body: { code: 'insufficient_funds', outcome: 'failed', safe_to_retry: false },
    });
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
  }
  expect(answers[1]?.headers.get('idempotent-replayed')).toBe('true');
  expect(answers[1]?.body.request_id).not.toBe(answers[0]?.body.request_id);
});

describe('an account that may not move money', () => {
  test.each([
    ['SUSPENDED', '5.00', 'account_suspended', 403],
    ['CLOSED', '0.00', 'account_closed', 403],
  ])('%s cannot pay', async (accountStatus, balance, code, status) => {
    const as = await service.openWallet({ balance, status: accountStatus });
    await expect(pay(order(), { as })).resolves.toMatchObject({ status, body: { code } });
  });

  test.each(['SUSPENDED', 'CLOSED'])('%s cannot be paid', async (accountStatus) => {
    const payee = await service.openWallet({ status: accountStatus });
    await expect(pay({ amount: '1.00', to: { account_id: payee.accountId } })).resolves.toMatchObject({
      status: 422,
      body: { code: 'payee_unavailable' },
    });
  });

  test('a payer cannot pay their own account', async () => {
    await expect(pay({ amount: '1.00', to: { username: payer.username } })).resolves.toMatchObject({
      status: 422,
      body: { code: 'cannot_pay_yourself' },
    });
  });

  test.each([{ username: 'no_such_user' }, { account_id: randomUUID() }])(
    'a payee who does not exist is not found: %p',
    async (to) => {
      await expect(pay({ amount: '1.00', to })).resolves.toMatchObject({
        status: 404,
        body: { code: 'payee_not_found' },
      });
    },
  );

  test("One Gate's own accounts cannot be paid by name", async () => {
    await expect(
      pay({ amount: '1.00', to: { account_id: '00000000-0000-7000-8000-000000000001' } }),
    ).resolves.toMatchObject({ status: 404 });
  });
});

describe('bad input gets its problem and changes nothing', () => {
  const raw = (body: string | Uint8Array, headers: Record<string, string> = {}) => ({
    body,
    headers: { 'content-type': 'application/json', ...headers },
  });
  const to = { username: 'warung_sari' };
  const cases: [
    name: string,
    request: { body?: unknown; key?: string; as?: { token: string }; headers?: Record<string, string> },
    status: number,
    code: string,
  ][] = [
    ['broken JSON', raw('{"amount"'), 400, 'malformed_json'],
    ['no body', {}, 415, 'unsupported_media_type'],
    ['an empty JSON body', raw(''), 400, 'malformed_json'],
    ['invalid UTF-8', raw(new Uint8Array([0x7b, 0xff, 0x7d])), 400, 'malformed_json'],
    ['an array', { body: [] }, 422, 'invalid_request'],
    ['null', { body: null }, 422, 'invalid_request'],
    ['a number for an amount', { body: { amount: 1, to } }, 422, 'invalid_request'],
    ...['1e3', '-5', '0', '0.00', '0.001', 'NaN', 'Infinity', '1000000000000000000', '', ' 1', '0x1', '1,5'].map(
      (amount): (typeof cases)[number] => [
        `the amount ${JSON.stringify(amount)}`,
        { body: { amount, to } },
        422,
        'invalid_request',
      ],
    ),
    ['an unknown field', { body: { ...{ amount: '1', to }, admin: true } }, 422, 'invalid_request'],
    ['an unknown field of the payee', { body: { amount: '1', to: { ...to, x: 1 } } }, 422, 'invalid_request'],
    ['no payee', { body: { amount: '1' } }, 422, 'invalid_request'],
    [
      'two names of a payee',
      { body: { amount: '1', to: { ...to, account_id: randomUUID() } } },
      422,
      'invalid_request',
    ],
    ['an invalid account id', { body: { amount: '1', to: { account_id: "' or 1=1 --" } } }, 422, 'invalid_request'],
    [
      'a NUL byte',
      raw('{"amount":"1","to":{"username":"warung_sari"},"description":"a\\u0000b"}'),
      422,
      'invalid_request',
    ],
    [
      'a lone surrogate',
      raw('{"amount":"1","to":{"username":"warung_sari"},"reference":"\\ud800"}'),
      422,
      'invalid_request',
    ],
    [
      'a NUL byte in a name',
      raw('{"amount":"1","to":{"username":"warung_sari"},"metadata":{"a\\u0000":"b"}}'),
      422,
      'invalid_request',
    ],
    ['metadata of numbers', { body: { amount: '1', to, metadata: { a: 1 } } }, 422, 'invalid_request'],
    [
      'too much metadata',
      { body: { amount: '1', to, metadata: Object.fromEntries(Array.from({ length: 21 }, (_, i) => [`k${i}`, 'v'])) } },
      422,
      'invalid_request',
    ],
    ['a long description', { body: { amount: '1', to, description: 'x'.repeat(256) } }, 422, 'invalid_request'],
    ['a body of 2 MB', raw(`{"amount":"${'1'.repeat(2_000_000)}"}`), 413, 'payload_too_large'],
    ['two amounts', raw('{"amount":"1","amount":"1000","to":{"username":"warung_sari"}}'), 422, 'invalid_request'],
    [
      'an amount that is spelt twice',
      raw('{"amount":"1","to":{"username":"warung_sari"},"\\u0061mount":"9"}'),
      422,
      'invalid_request',
    ],
    ['a list for metadata', { body: { amount: '1', to, metadata: ['a'] } }, 422, 'invalid_request'],
    [
      'metadata with names that are too long or reserved',
      raw(`{"amount":"1","to":{"username":"warung_sari"},"metadata":{"__proto__":"1","${'x'.repeat(41)}":"2"}}`),
      422,
      'invalid_request',
    ],
    [
      'a field named __proto__',
      raw('{"amount":"1","to":{"username":"warung_sari"},"__proto__":{}}'),
      422,
      'invalid_request',
    ],
    ['8 000 nested arrays', raw(`{"amount":${'['.repeat(8_000)}${']'.repeat(8_000)}}`), 422, 'invalid_request'],
    [
      '8 000 nested arrays and an escape',
      raw(`{"amount":"\\u0031","to":${'['.repeat(8_000)}${']'.repeat(8_000)}}`),
      422,
      'invalid_request',
    ],
    ['deep nesting', raw(`${'['.repeat(30_000)}${']'.repeat(30_000)}`), 422, 'invalid_request'],
    [
      'another media type',
      raw('amount=1', { 'content-type': 'application/x-www-form-urlencoded' }),
      415,
      'unsupported_media_type',
    ],
    ['a compressed body', raw('{}', { 'content-encoding': 'gzip' }), 415, 'unsupported_media_type'],
    [
      'a structured CloudEvent',
      raw('{"specversion":"1.0"}', { 'content-type': 'application/cloudevents+json' }),
      415,
      'unsupported_media_type',
    ],
    [
      'a batch of CloudEvents',
      raw('[]', { 'content-type': 'application/cloudevents-batch+json' }),
      415,
      'unsupported_media_type',
    ],
    [
      'a forged ce- header',
      {
        body: { amount: '1', to },
        headers: { 'ce-id': '1', 'ce-type': 'one-gate.topup.notified', 'ce-source': '/x', 'ce-specversion': '1.0' },
      },
      400,
      'cloudevent_refused',
    ],
    ['no key', { body: { amount: '1', to }, key: '' }, 400, 'idempotency_key_missing'],
    ['a key of 256 characters', { body: { amount: '1', to }, key: 'k'.repeat(256) }, 400, 'idempotency_key_invalid'],
    ['a key that is not printable', { body: { amount: '1', to }, key: 'k\u00e9' }, 400, 'idempotency_key_invalid'],
    ['no token', { body: { amount: '1', to }, as: { token: '' } }, 401, 'unauthorized'],
    ['an invalid token', { body: { amount: '1', to }, as: { token: 'x.y.z' } }, 401, 'unauthorized'],
  ];
  test.each(cases)('%s', async (_name, request, status, code) => {
    const before = await traces();
    const answer = await service.call('pay', '/v1/pay', { as: payer, ...request });
    expect([answer.status, answer.body?.code]).toEqual([status, code]);
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
    expect(answer.body).toMatchObject({
      type: expect.stringContaining(`/errors/${code}`),
      outcome: 'failed',
      request_id: expect.any(String),
    });
    expect(answer.text).not.toMatch(/node_modules|at .*\.ts|select |postgres/i);
    expect(await traces()).toEqual(before);
  });

  test('tokens of another key, another algorithm, another audience or another time', async () => {
    const claims = { account_id: payer.accountId, user_type: 'user', username: payer.username, sid: randomUUID() };
    const stranger = makeKey('test-1');
    const sign = (change: (jwt: SignJWT) => SignJWT, key = service.key.privateKey, header = {}) =>
      change(
        new SignJWT(claims)
          .setProtectedHeader({ alg: 'EdDSA', typ: 'at+jwt', kid: 'test-1', ...header })
          .setIssuer('https://one-gate.test')
          .setAudience('one-gate')
          .setSubject(payer.userId)
          .setJti(randomUUID())
          .setIssuedAt()
          .setExpirationTime('15m'),
      ).sign(key);
    const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const body = part({
      ...claims,
      iss: 'https://one-gate.test',
      aud: 'one-gate',
      sub: payer.userId,
      jti: randomUUID(),
      iat: 1,
      exp: 4_000_000_000,
    });
    const confused = `${part({ alg: 'HS256', typ: 'at+jwt', kid: 'test-1' })}.${body}`;
    const tokens: Record<string, [string, string]> = {
      'another key': [await sign((jwt) => jwt, stranger.privateKey), 'unauthorized'],
      'another audience': [await sign((jwt) => jwt.setAudience('someone-else')), 'unauthorized'],
      'another issuer': [await sign((jwt) => jwt.setIssuer('https://evil.test')), 'unauthorized'],
      'another type': [await sign((jwt) => jwt, service.key.privateKey, { typ: 'JWT' }), 'unauthorized'],
      'another kid': [await sign((jwt) => jwt, service.key.privateKey, { kid: 'test-2' }), 'unauthorized'],
      expired: [await sign((jwt) => jwt.setIssuedAt(1).setExpirationTime(2)), 'token_expired'],
      'no algorithm': [`${part({ alg: 'none', typ: 'at+jwt', kid: 'test-1' })}.${body}.`, 'unauthorized'],
      'the public key as a secret': [
        `${confused}.${createHmac('sha256', Buffer.from(service.key.publicJwk.x ?? '', 'base64url'))
          .update(confused)
          .digest('base64url')}`,
        'unauthorized',
      ],
    };
    const before = await traces();
    for (const [name, [token, code]] of Object.entries(tokens)) {
      const answer = await pay(order(), { as: { token } });
      expect([name, answer.status, answer.body.code]).toEqual([name, 401, code]);
      expect(answer.headers.get('www-authenticate')).toMatch(/^Bearer/);
    }
    expect(await traces()).toEqual(before);
  });

  test('the function goes on serving afterwards', async () => {
    await expect(pay(order())).resolves.toMatchObject({ status: 201 });
  });
});

test("a caller does not find another user's transaction", async () => {
  const stranger = await service.openWallet();
  const { body } = await pay(order());
  const { id, transaction_id, operation_id } = body.data.transaction;
  for (const name of [id, transaction_id, operation_id, 'nonsense', '%00']) {
    const answer = await service.call('get-transaction', `/v1/transactions/${name}`, { method: 'GET', as: stranger });
    expect([name, answer.status, answer.body.code]).toEqual([name, 404, 'transaction_not_found']);
  }
  for (const name of [id, transaction_id, transaction_id.toLowerCase(), operation_id]) {
    const answer = await service.call('get-transaction', `/v1/transactions/${name}`, { method: 'GET', as: payer });
    expect([name, answer.body.data?.transaction.id]).toEqual([name, id]);
  }
});

test('a payee is found by username, with a name that can be recognised but not learnt', async () => {
  const found = await service.call('find-payee', '/v1/payees?username=WARUNG_sari', { method: 'GET', as: payer });
  expect(found.body.data).toEqual({
    payee: { account_id: merchant.accountId, username: 'warung_sari', masked_name: 'w****g s**i', type: 'merchant' },
  });
  const missing = await service.call('find-payee', '/v1/payees?username=no_such_user', { method: 'GET', as: payer });
  expect([missing.status, missing.body.code]).toEqual([404, 'payee_not_found']);
});

describe('the history', () => {
  let owner: Person;
  beforeAll(async () => {
    owner = await service.openWallet({ balance: '1000.00' });
    for (let number = 1; number <= 7; number++)
      await pay({ ...order(`${number}.00`), reference: `R${number % 2}` }, { as: owner });
  });
  const list = (query: string) =>
    service.call('list-transactions', `/v1/transactions${query}`, { method: 'GET', as: owner });
  // biome-ignore lint/suspicious/noExplicitAny: the API's own answer.
  const amounts = (answer: { body: any }) => answer.body.data.map(({ amount }: { amount: string }) => amount);

  test('comes in pages, newest first, without gaps or repetitions while new rows arrive', async () => {
    const first = await list('?limit=3');
    expect(amounts(first)).toEqual(['7.00', '6.00', '5.00']);
    await pay(order('8.00'), { as: owner });
    const second = await list(`?limit=3&cursor=${first.body.next_cursor}`);
    expect(amounts(second)).toEqual(['4.00', '3.00', '2.00']);
    const third = await list(`?limit=3&cursor=${second.body.next_cursor}`);
    expect(amounts(third)).toEqual(['1.00', '1000.00']);
    expect(third.body.next_cursor).toBeNull();
  });

  test('can be filtered by type, status, method, time and reference', async () => {
    expect(amounts(await list('?type=TOPUP'))).toEqual(['1000.00']);
    expect(amounts(await list('?payment_method=GOPAY'))).toEqual(['1000.00']);
    expect(amounts(await list('?status=PENDING'))).toEqual([]);
    expect(amounts(await list('?reference=R0'))).toEqual(['6.00', '4.00', '2.00']);
    const all = (await list('?limit=100')).body.data;
    const [from, to] = [all.at(-2).created_at, all.at(-4).created_at];
    const between = (await list(`?from=${from}&to=${to}&type=PAYMENT`)).body.data;
    expect(between.every(({ created_at }: { created_at: string }) => created_at >= from && created_at < to)).toBe(true);
    expect(between.length).toBeGreaterThan(0);
  });

  test.each([
    ['?limit=0', 422],
    ['?limit=101', 422],
    ['?limit=x', 422],
    ['?limit=1&limit=2', 422],
    ['?nonsense=1', 422],
    ['?__proto__=1', 422],
    ['?constructor=1', 422],
    ['?toString=1&toString=2', 422],
    ['?type=GIFT', 422],
    ['?from=yesterday', 422],
    ['?from=2026-02-31T99:00:00Z', 422],
    ['?cursor=nonsense', 400],
    ['?reference=%00', 422],
    ['?reference=%ff', 422],
  ])('refuses %s', async (query, status) => {
    await expect(list(query)).resolves.toMatchObject({ status });
  });

  test('a cursor of other filters is refused', async () => {
    const { body } = await list('?limit=2');
    await expect(list(`?limit=2&type=PAYMENT&cursor=${body.next_cursor}`)).resolves.toMatchObject({
      status: 400,
      body: { code: 'invalid_cursor' },
    });
  });
});
