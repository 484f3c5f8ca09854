// The effect of a freeze in every instance, as processes run in production: the functions that move money, with two
// processes of `pay`.

import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { brokenPromises } from '../../setup/accounts.ts';
import { type FunctionProcess, startBeside } from '../../setup/function-process.ts';
import { call, type Person } from '../wallet/wallet-service.ts';
import { type OperatorsService, serveOperators } from './operators-service.ts';

let service: OperatorsService;
let pays: [FunctionProcess, FunctionProcess];
let transferring: FunctionProcess;
let reading: FunctionProcess;
let siti: Person;
let budi: Person;
let shop: Person;

beforeAll(async () => {
  service = await serveOperators();
  const [first, second, third, fourth] = await Promise.all([
    startAs('pay', service.database.urls.money),
    startAs('pay', service.database.urls.money),
    startAs('transfer', service.database.urls.money),
    startAs('get-account', service.database.urls.reader),
  ]);
  pays = [first, second];
  transferring = third;
  reading = fourth;
  siti = await service.openWallet({ username: 'siti', balance: '1000.00' });
  budi = await service.openWallet({ username: 'budi', balance: '1000.00' });
  shop = await service.openWallet({ username: 'warung_sari', type: 'merchant', balance: '1000.00' });
}, 60_000);

afterAll(async () => {
  const running = [...pays, transferring, reading];
  for (const each of running) each.kill('SIGKILL');
  await Promise.all(running.map(({ ended }) => ended));
  expect(await brokenPromises(service.admin)).toEqual([]);
  await service.close();
});

/** Every test ends without a freeze. */
afterEach(async () => {
  for (const { id } of (await service.get('freezes')).body.data) await thaw(id);
});

const startAs = (name: string, url: string) => startBeside(name, { DATABASE_URL: url });

async function freeze(scope: string, subject?: string): Promise<string> {
  const { status, body } = await service.post('freeze', { scope, ...(subject && { subject }), reason: 'INC-204' });
  expect(status).toBe(201);
  return body.data.freeze.id;
}

const thaw = (id: string) => service.post('thaw', { freeze_id: id, reason: 'INC-204 is over' });

const pay = (as: Person, to: Person, key = randomUUID(), { url } = pays[0]) =>
  call(`${url}/v1/pay`, { as, key, body: { amount: '1.00', to: { account_id: to.accountId } } });
const transfer = (as: Person, to: Person) =>
  call(`${transferring.url}/v1/transfer`, { as, body: { amount: '1.00', to: { account_id: to.accountId } } });
const read = (as: Person) => call(`${reading.url}/v1/account`, { method: 'GET', as });

const FROZEN = { status: 503, code: 'money_frozen', outcome: 'failed', safe_to_retry: true };

test('all money stands still in every instance at once, reading goes on, and the thaw lets it go', async () => {
  const keys = [randomUUID(), randomUUID()] as const;
  const answered = randomUUID();
  const earlier = await pay(siti, shop, answered);
  expect(earlier.status).toBe(201);
  const before = (await read(siti)).body.data.account.balance;

  const id = await freeze('all');
  for (const [index, instance] of pays.entries()) {
    const refused = await pay(siti, shop, keys[index], instance);
    expect(refused.body).toMatchObject(FROZEN);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
  }
  expect((await transfer(siti, budi)).body).toMatchObject(FROZEN);
  // A payment that was answered before the freeze is replayed by either of them.
  for (const instance of pays) {
    const replayed = await pay(siti, shop, answered, instance);
    expect([replayed.status, replayed.headers.get('idempotent-replayed')]).toEqual([201, 'true']);
    expect(replayed.body.data).toEqual(earlier.body.data);
  }
  const account = await read(siti);
  expect([account.status, account.body.data.account.balance]).toEqual([200, before]);

  await thaw(id);
  // The same keys: the refusals were not kept.
  for (const [index, instance] of pays.entries()) {
    const paid = await pay(siti, shop, keys[index], instance);
    expect([paid.status, paid.headers.get('idempotent-replayed')]).toEqual([201, null]);
  }
  expect((await transfer(siti, budi)).status).toBe(201);

  const trail = (await service.get('audit', { subject: 'all' })).body.data;
  expect(trail.map(({ action, actor, reason }: Record<string, unknown>) => [action, actor, reason])).toEqual([
    ['thaw', 'nadia', 'INC-204 is over'],
    ['freeze', 'nadia', 'INC-204'],
  ]);
});

test('a frozen account neither sends nor receives, and no other account is stopped', async () => {
  const id = await freeze('account', 'siti');
  expect((await pay(siti, shop)).body).toMatchObject(FROZEN);
  expect((await pay(budi, siti, randomUUID(), pays[1])).body).toMatchObject(FROZEN);
  expect((await transfer(budi, siti)).body).toMatchObject(FROZEN);
  expect((await pay(budi, shop, randomUUID(), pays[1])).status).toBe(201);
  expect((await read(siti)).status).toBe(200);
  await thaw(id);
  expect((await pay(siti, shop)).status).toBe(201);
  expect((await pay(budi, siti)).status).toBe(201);
});

test('a frozen function is the only one that stands still', async () => {
  const id = await freeze('function', 'pay');
  for (const instance of pays) expect((await pay(siti, shop, randomUUID(), instance)).body).toMatchObject(FROZEN);
  expect((await transfer(siti, budi)).status).toBe(201);
  await thaw(id);
  expect((await pay(siti, shop)).status).toBe(201);
});

test('of many payments on their way, exactly those with a success as answer are posted', async () => {
  const balance = async () => Number((await read(siti)).body.data.account.balance);
  const before = await balance();
  const sent = Array.from({ length: 60 }, (_, index) => pay(siti, shop, randomUUID(), pays[index % 2]));
  const id = await freeze('all');
  // A payment that had begun may still end; a new one does not begin.
  expect((await pay(siti, shop)).body).toMatchObject(FROZEN);
  const answers = await Promise.all(sent);
  for (const { status } of answers) expect([201, 503]).toContain(status);
  expect(await balance()).toBe(before - answers.filter(({ status }) => status === 201).length);
  await thaw(id);
});

test('a suspended account neither pays nor is paid, but reads; revived, it pays', async () => {
  const change = (status: string) => service.post('account', { username: 'budi', status, reason: 'CASE-881' });
  expect((await change('SUSPENDED')).status).toBe(200);
  expect((await pay(budi, shop)).body).toMatchObject({ status: 403, code: 'account_suspended' });
  expect((await pay(siti, budi)).body).toMatchObject({ status: 422, code: 'payee_unavailable' });
  expect((await read(budi)).body.data.account.status).toBe('SUSPENDED');
  expect((await change('ACTIVE')).status).toBe(200);
  expect((await pay(budi, shop)).status).toBe(201);
});
