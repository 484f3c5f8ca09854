// The history of a wallet: its times and its cursors.

import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { encodeCursor } from '../../../shared/platform/http/page.ts';
import { type Person, serveWallet, type WalletService } from './wallet-service.ts';

let service: WalletService;
let ada: Person;

beforeAll(async () => {
  service = await serveWallet(async () => [
    (await import('../../../functions/wallet/pay.ts')).default,
    (await import('../../../functions/wallet/list-transactions.ts')).default,
  ]);
  ada = await service.openWallet({ balance: '1000.00' });
  await service.openWallet({ username: 'warung_sari', type: 'merchant' });
  const body = { amount: '10.00', to: { username: 'warung_sari' } };
  for (let turn = 0; turn < 3; turn++) await service.call('pay', '/v1/pay', { as: ada, body });
});
afterAll(() => service.close());

const list = (filters: { [name: string]: string }) =>
  service.call('list-transactions', `/v1/transactions?${new URLSearchParams(filters)}`, { method: 'GET', as: ada });
const countOf = async (filters: { [name: string]: string }) => (await list(filters)).body.data.length;

test('times of the first and the last centuries are before and after all transactions, and cost nothing', async () => {
  const began = performance.now();
  const all = await countOf({});
  for (const past of ['0001-01-01T00:00:00Z', '1600-01-01t00:00:00z']) {
    expect([past, await countOf({ from: past }), await countOf({ to: past })]).toEqual([past, all, 0]);
  }
  for (const future of ['9999-12-31T23:59:59Z', '3000-01-01T00:00:00+07:00']) {
    expect([future, await countOf({ from: future }), await countOf({ to: future })]).toEqual([future, 0, all]);
  }
  expect(await countOf({ from: '0001-01-01T00:00:00Z', to: '9999-12-31T23:59:59Z' })).toBe(all);
  // A walk through the months of eight thousand years would take far longer.
  expect(performance.now() - began).toBeLessThan(5_000);
});

test('times that do not exist are refused with the field’s name', async () => {
  for (const time of ['2026-02-30T00:00:00Z', '0000-01-01T00:00:00Z', '2026-01-01T00:00:00+20:00', '2026-01-01']) {
    const { status, body } = await list({ to: time });
    expect([time, status, body.errors?.[0].pointer]).toEqual([time, 422, 'query/to']);
  }
});

test('a cursor with a number that PostgreSQL has no room for is refused', async () => {
  for (const number of [2n ** 63n, 9_999_999_999_999_999_999n, 10n ** 30n]) {
    const { status, body } = await list({ cursor: encodeCursor(String(number), {}) });
    expect([number, status, body.code]).toEqual([number, 400, 'invalid_cursor']);
  }
  const first = await list({ limit: '2' });
  expect(await countOf({ limit: '2', cursor: first.body.next_cursor })).toBe(2);
});
