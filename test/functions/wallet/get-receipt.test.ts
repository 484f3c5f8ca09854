import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import {
  base64url,
  compactVerify,
  createLocalJWKSet,
  decodeProtectedHeader,
  type JSONWebKeySet,
  jwtVerify,
} from 'jose';
import { newOperationId } from '../../../shared/ledger/rules/ids.ts';
import { ISSUER, makeKey } from '../identity/identity-service.ts';
import { type Person, serveWallet, type WalletService } from './wallet-service.ts';

const retired = makeKey('receipts-2025', '2025-01-01T00:00:00Z');
const present = makeKey('receipts-2026', '2026-01-01T00:00:00Z');
const announced = makeKey('receipts-2126', '2126-01-01T00:00:00Z');

let service: WalletService;
let payer: Person;
let merchant: Person;
let receiptKeys: JSONWebKeySet;

beforeAll(async () => {
  service = await serveWallet(async () => {
    Object.assign(process.env, {
      RECEIPT_PUBLIC_KEYS: JSON.stringify({ keys: [retired.publicJwk, present.publicJwk, announced.publicJwk] }),
      RECEIPT_SIGNING_KEYS: JSON.stringify({ keys: [present.privateJwk, announced.privateJwk] }),
    });
    return [
      (await import('../../../functions/wallet/pay.ts')).default,
      (await import('../../../functions/wallet/get-receipt.ts')).default,
      (await import('../../../functions/wallet/receipt-keys.ts')).default,
    ];
  });
  payer = await service.openWallet({ username: 'budi_santoso', balance: '1000000.00' });
  merchant = await service.openWallet({ username: 'warung_sari', type: 'merchant' });
  const answer = await service.call('receipt-keys', '/.well-known/receipt-keys.json', { method: 'GET' });
  receiptKeys = answer.body;
});

afterAll(() => service.close());

async function pay(): Promise<{ operation_id: string; id: string; transaction_id: string; updated_at: string }> {
  const body = {
    amount: '25000',
    to: { username: 'warung_sari' },
    reference: 'TABLE-7',
    description: 'for our secret',
  };
  const { body: paid } = await service.call('pay', '/v1/pay', { as: payer, body });
  return paid.data.transaction;
}

const ask = (id: string, as: Person | undefined) =>
  service.call('get-receipt', `/v1/transactions/${id}/receipt`, { method: 'GET', ...(as && { as }) });

async function receiptOf(id: string, as = payer): Promise<string> {
  const { status, body } = await ask(id, as);
  expect(status).toBe(200);
  return body.data.receipt;
}

/** Checks it as a stranger does: with jose and the published keys, and nothing of ours. */
const check = (receipt: string, keys = receiptKeys) =>
  jwtVerify(receipt, createLocalJWKSet(keys), { issuer: ISSUER, typ: 'receipt+jwt', algorithms: ['EdDSA'] });

test('a stranger who has saved the keys can check the payer’s receipt', async () => {
  const paid = await pay();
  const { payload, protectedHeader } = await check(await receiptOf(paid.operation_id));
  expect(protectedHeader).toEqual({ alg: 'EdDSA', typ: 'receipt+jwt', kid: 'receipts-2026' });
  expect(payload).toEqual({
    iss: ISSUER,
    iat: Math.floor(Date.parse(paid.updated_at) / 1000),
    jti: paid.id,
    sub: payer.accountId,
    transaction_id: paid.transaction_id,
    operation_id: paid.operation_id,
    type: 'PAYMENT',
    status: 'SUCCESS',
    direction: 'debit',
    amount: '25000.00',
    currency: 'IDR',
    payment_method: null,
    external_reference: 'TABLE-7',
    refund_of: null,
    party: { account_id: payer.accountId, username: 'budi_santoso', type: 'user' },
    counterparty: { account_id: merchant.accountId, masked_name: 'w****g s**i', type: 'merchant' },
    created_at: paid.updated_at,
    settled_at: paid.updated_at,
    statement: `budi_santoso paid IDR 25000.00 to w****g s**i on ${paid.updated_at} (${paid.transaction_id}).`,
  });
});

test('the answer shows the receipt’s content, and where its keys are', async () => {
  const { id } = await pay();
  const { data } = (await ask(id, payer)).body;
  expect(data.keys_url).toBe(`${ISSUER}/.well-known/receipt-keys.json`);
  expect((await check(data.receipt)).payload).toEqual(data.content);
});

test('each party has its own, and neither tells the other one’s name, a balance or a note', async () => {
  const { operation_id, transaction_id } = await pay();
  const { payload } = await check(await receiptOf(transaction_id, merchant));
  expect(payload).toMatchObject({
    sub: merchant.accountId,
    direction: 'credit',
    party: { username: 'warung_sari' },
    counterparty: { account_id: payer.accountId, masked_name: 'b**i s*****o', type: 'user' },
  });
  expect(payload['statement']).toContain('warung_sari was paid IDR 25000.00 from b**i s*****o on');
  expect(payload['jti']).not.toBe((await check(await receiptOf(operation_id))).payload.jti);
  expect(JSON.stringify(payload)).not.toMatch(/budi_santoso|balance|secret/);
});

test('every request gets the same receipt', async () => {
  const { id } = await pay();
  expect(await receiptOf(id)).toBe(await receiptOf(id));
});

test('a top-up’s receipt names the provider', async () => {
  const { rows } = await service.admin.query(
    "select id from historical_transactions where account_id = $1 and transaction_type = 'TOPUP'",
    [payer.accountId],
  );
  const { payload } = await check(await receiptOf(rows[0].id));
  expect(payload).toMatchObject({
    type: 'TOPUP',
    payment_method: 'GOPAY',
    counterparty: { masked_name: null, type: 'system' },
  });
  expect(payload['statement']).toMatch(/^budi_santoso topped up with IDR 1000000.00 from GoPay on /);
});

describe('a forger', () => {
  let receipt: string;
  beforeAll(async () => {
    receipt = await receiptOf((await pay()).id);
  });

  test('cannot change a byte of it', async () => {
    for (let at = 0; at < receipt.length; at += 1) {
      // The last character of a part has unused bits; another character may stand for the same bytes.
      if (receipt[at] === '.' || at === receipt.length - 1) continue;
      const changed = receipt.slice(0, at) + (receipt[at] === 'A' ? 'B' : 'A') + receipt.slice(at + 1);
      await expect(check(changed)).rejects.toThrow();
    }
  });

  test('cannot change a claim', async () => {
    const [header, payload = '', signature] = receipt.split('.');
    const claims = JSON.parse(new TextDecoder().decode(base64url.decode(payload)));
    for (const name of Object.keys(claims)) {
      const changed = base64url.encode(JSON.stringify({ ...claims, [name]: 'another' }));
      await expect(check(`${header}.${changed}.${signature}`)).rejects.toThrow();
    }
  });

  test('cannot sign it with the key of access tokens, nor have it checked with that', async () => {
    await expect(check(receipt, { keys: [service.key.publicJwk] } as JSONWebKeySet)).rejects.toThrow(
      'no applicable key',
    );
    const { CompactSign } = await import('jose');
    const [, payload = ''] = receipt.split('.');
    const forged = await new CompactSign(base64url.decode(payload))
      .setProtectedHeader({ alg: 'EdDSA', typ: 'receipt+jwt', kid: 'receipts-2026' })
      .sign(service.key.privateKey);
    await expect(check(forged)).rejects.toThrow('signature verification failed');
  });

  test('cannot log in with it, nor pass an access token off as a receipt', async () => {
    const answer = await ask((await pay()).id, { ...payer, token: receipt });
    expect([answer.status, answer.body.code]).toEqual([401, 'unauthorized']);
    await expect(check(payer.token)).rejects.toThrow();
    const tokenKeys = { keys: [service.key.publicJwk] } as JSONWebKeySet;
    await expect(check(payer.token, tokenKeys)).rejects.toThrow('unexpected "typ" JWT header value');
  });
});

test('only public members of keys are published, of old and announced keys, too', () => {
  expect(receiptKeys.keys.map(({ kid }) => kid)).toEqual(['receipts-2025', 'receipts-2026', 'receipts-2126']);
  for (const key of receiptKeys.keys) expect(Object.keys(key).sort()).toEqual(['alg', 'crv', 'kid', 'kty', 'use', 'x']);
});

test('an old receipt is checked with the key of its time', async () => {
  const { CompactSign } = await import('jose');
  const old = await new CompactSign(new TextEncoder().encode(JSON.stringify({ iss: ISSUER, iat: 1735689600 })))
    .setProtectedHeader({ alg: 'EdDSA', typ: 'receipt+jwt', kid: 'receipts-2025' })
    .sign(retired.privateKey);
  expect((await check(old)).protectedHeader.kid).toBe('receipts-2025');
});

test('the program in README.md checks it, and refuses a receipt of another issuer', async () => {
  const readme = readFileSync(new URL('../../../shared/receipts/README.md', import.meta.url), 'utf8');
  const program = /```js\n([\s\S]+?)```/.exec(readme)?.[1] ?? '';
  const directory = await mkdtemp(join(tmpdir(), 'receipt-'));
  const keys = join(directory, 'receipt-keys.json');
  await writeFile(keys, JSON.stringify(receiptKeys));
  const run = (issuer: string, receipt: string) => {
    // jose is found from the project's own folder.
    const running = promisify(execFile)(process.execPath, ['--input-type=module', '-', keys, issuer, receipt], {
      cwd: join(import.meta.dirname, '../../..'),
    });
    running.child.stdin?.end(program);
    return running;
  };
  const { id, transaction_id, updated_at } = await pay();
  const receipt = await receiptOf(id);
  expect((await run(ISSUER, receipt)).stdout).toBe(
    `budi_santoso paid IDR 25000.00 to w****g s**i on ${updated_at} (${transaction_id}).\n`,
  );
  await expect(run('https://somebody.else', receipt)).rejects.toThrow();
  await expect(run(ISSUER, payer.token)).rejects.toThrow();
  await rm(directory, { recursive: true });
});

test('the lines in the reference check it', async () => {
  const { default: declaration } = await import('../../../functions/wallet/get-receipt.ts');
  const lines = /```js\n.*\n([\s\S]+)```/.exec(declaration.description ?? '')?.[1] ?? '';
  const receipt = await receiptOf((await pay()).id);
  const AsyncFunction = Object.getPrototypeOf(async () => undefined).constructor;
  const said: unknown[] = [];
  const run = new AsyncFunction('compactVerify', 'createLocalJWKSet', 'receipt', 'keys', 'console', lines);
  await run(compactVerify, createLocalJWKSet, receipt, receiptKeys, { log: (line: unknown) => said.push(line) });
  expect(said).toEqual([(await check(receipt)).payload]);
  expect(decodeProtectedHeader(receipt).typ).toBe('receipt+jwt');
});

describe('no receipt', () => {
  test.each(['PENDING', 'FAILED', 'CANCELLED'])('for a transaction that is %s', async (status) => {
    const operationId = newOperationId();
    await service.admin.query(
      `insert into historical_transactions (id, operation_id, user_id, account_id, leg_number, transaction_type, transaction_status,
              direction, amount, balance_before, balance_after, payment_method)
       select (left($2::text, 35) || '2')::uuid, $2::uuid, user_id, id, version + 1, 'TOPUP', $3, 'CREDIT', 10, balance, balance, 'GOPAY'
         from accounts where id = $1`,
      [payer.accountId, operationId, status],
    );
    const { status: answered, body } = await ask(operationId, payer);
    expect([answered, body.code]).toEqual([409, 'receipt_not_available']);
    expect(body.detail).toContain(status);
  });

  test('for another user’s transaction, for an unknown one, and without a token', async () => {
    const { id } = await pay();
    const stranger = await service.openWallet();
    expect((await ask(id, stranger)).body.code).toBe('transaction_not_found');
    expect((await ask('PAY-1', payer)).body.code).toBe('transaction_not_found');
    expect((await ask(id, undefined)).body.code).toBe('unauthorized');
  });
});
