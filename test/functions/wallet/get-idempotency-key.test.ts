import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { newOperationId } from '../../../shared/ledger/rules/ids.ts';
import { endLegs } from '../../setup/accounts.ts';
import { type Person, serveWallet, type WalletService } from './wallet-service.ts';

let service: WalletService;
let payer: Person;
let merchant: Person;

beforeAll(async () => {
  service = await serveWallet(async () => [
    (await import('../../../functions/wallet/pay.ts')).default,
    (await import('../../../functions/wallet/get-idempotency-key.ts')).default,
  ]);
  payer = await service.openWallet({ balance: '100000.00' });
  merchant = await service.openWallet({ username: 'warung_sari', type: 'merchant' });
});

afterAll(() => service.close());

const pay = (key: string, amount = '1.00') =>
  service.call('pay', '/v1/pay', { as: payer, key, body: { amount, to: { username: 'warung_sari' } } });

const inspect = (key: string, as = payer) =>
  service.call('get-idempotency-key', `/v1/idempotency-keys/${key}`, { method: 'GET', as });

test('a payment’s key has its transaction, before and after its answer is replayed', async () => {
  const before = Date.now();
  const { data } = (await pay('lunch-1')).body;
  const { status, body } = await inspect('lunch-1');
  expect(status).toBe(200);
  expect(body.data).toEqual({
    idempotency_key: 'lunch-1',
    state: 'completed',
    function: 'pay',
    first_seen: expect.any(String),
    expires_at: expect.any(String),
    outcome: 'succeeded',
    status: 201,
    operation_id: data.transaction.operation_id,
    transaction: data.transaction,
  });
  const [seen, expires] = [Date.parse(body.data.first_seen), Date.parse(body.data.expires_at)];
  expect(Math.abs(seen - before)).toBeLessThan(60_000);
  expect(expires - seen).toBe(30 * 86_400_000);
  expect((await pay('lunch-1')).headers.get('idempotent-replayed')).toBe('true');
  expect((await inspect('lunch-1')).body.data).toEqual(body.data);
});

test('a kept refusal has no operation', async () => {
  expect((await pay('too-much', '999999999.00')).status).toBe(402);
  expect((await inspect('too-much')).body.data).toMatchObject({
    state: 'completed',
    function: 'pay',
    outcome: 'failed',
    status: 402,
    operation_id: null,
    transaction: null,
  });
});

test('a request that was refused before the ledger leaves no key', async () => {
  expect((await pay('nonsense', 'much')).status).toBe(422);
  expect((await inspect('nonsense')).status).toBe(404);
});

test('an unused key is 404 and says how long to wait', async () => {
  const { status, body } = await inspect(randomUUID());
  expect([status, body.code]).toEqual([404, 'idempotency_key_not_found']);
  expect(body.detail).toContain('within 20 seconds');
  expect(body.detail).toContain('may be sent again with the same key');
});

test('another account’s key is not found', async () => {
  await pay('mine');
  expect((await inspect('mine', merchant)).body.code).toBe('idempotency_key_not_found');
  const { body } = await service.call('get-idempotency-key', '/v1/idempotency-keys/mine', { method: 'GET' });
  expect(body.code).toBe('unauthorized');
});

const ODD = ['a b', 'a/b', '100%', 'a?b=c&d#e', '~!$\'()*+,;:@"[]{}|^`<>', 'back\\slash', '%41', '~'.repeat(255)];

test.each(ODD)('%p is found', async (key) => {
  expect((await pay(key)).status).toBe(201);
  const { status, body } = await inspect(encodeURIComponent(key));
  expect([status, body.data.idempotency_key]).toEqual([200, key]);
});

test('every printable character, escaped, fits', async () => {
  const key = `  ${'"'.repeat(251)}xy`;
  expect((await pay(`"${key.replace(/["\\]/g, '\\$&')}"`)).status).toBe(201);
  expect((await inspect(encodeURIComponent(`"${key.replace(/["\\]/g, '\\$&')}"`))).body.data.idempotency_key).toBe(key);
});

test.each(['.', '..', 'plain'])('%p is found quoted, as in the header', async (key) => {
  await pay(`"${key}"`);
  expect((await inspect(encodeURIComponent(`"${key}"`))).body.data.idempotency_key).toBe(key);
});

test.each(['a'.repeat(256), 'ümlaut', 'a\tb', '""'])('%p cannot be a key', async (key) => {
  const { status, body } = await inspect(encodeURIComponent(key));
  expect(status).toBe(422);
  expect(body.errors).toEqual([{ pointer: 'path/key', detail: 'must be 1 to 255 printable ASCII characters' }]);
});

/** A key as `topup` or `cancel` leaves it, with the PENDING credit it is about. */
async function aboutTopup(by: string, answered: number | null): Promise<{ key: string; operationId: string }> {
  const [key, operationId] = [randomUUID(), newOperationId()];
  await service.admin.query(
    `insert into historical_transactions (id, operation_id, user_id, account_id, leg_number, transaction_type, transaction_status,
            direction, amount, balance_before, balance_after, payment_method)
     select (left($2::text, 35) || '2')::uuid, $2::uuid, user_id, id, version + 1, 'TOPUP', 'PENDING', 'CREDIT', 10, balance, balance, 'GOPAY'
       from accounts where id = $1`,
    [payer.accountId, operationId],
  );
  const answer = answered === null ? null : JSON.stringify({ transaction: { operation_id: operationId } });
  await service.admin.query(
    "insert into idempotency_keys (account_id, key, function, request, operation_id, status, answer) values ($1, $2, $3, '{}', $4, $5, $6)",
    [payer.accountId, key, by, operationId, answered, answer],
  );
  return { key, operationId };
}

test('while a provider is being asked, the outcome is unknown and the transaction is named', async () => {
  const { key, operationId } = await aboutTopup('topup', null);
  expect((await inspect(key)).body.data).toMatchObject({
    state: 'in_progress',
    function: 'topup',
    outcome: 'unknown',
    status: null,
    operation_id: operationId,
    transaction: { operation_id: operationId, status: 'PENDING' },
  });
});

test.each([
  ['topup', 'FAILED', 'failed'],
  ['topup', 'CANCELLED', 'failed'],
  ['cancel', 'CANCELLED', 'succeeded'],
  ['cancel', 'FAILED', 'succeeded'],
])('the outcome of a %s that was on its way follows its transaction: %s is %s', async (by, status, outcome) => {
  const { key, operationId } = await aboutTopup(by, 202);
  expect((await inspect(key)).body.data).toMatchObject({ state: 'completed', outcome: 'pending', status: 202 });
  await endLegs(service.admin, operationId, status);
  expect((await inspect(key)).body.data).toMatchObject({ outcome, status: 202, transaction: { status } });
});
