// The smoke test of a deployment, run against the local platform as knative/deploy.sh runs it against a cluster.

import { execFile } from 'node:child_process';
import process from 'node:process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { ROOT } from '../../knative/functions.ts';
import type { Platform } from '../../knative/local/platform.ts';
import { gopayControl } from '../sandbox/gopay/control-client.ts';
import { type TemporaryDirectory, temporaryDirectory } from '../setup/temporary-directory.ts';
import { arrive, PASSWORD, startJourneyPlatform, type Traveller, until } from './journey.ts';

let directory: TemporaryDirectory;
let platform: Platform;
let one: Traveller;
let other: Traveller;

beforeAll(async () => {
  directory = await temporaryDirectory();
  platform = await startJourneyPlatform(directory.path);
  [one, other] = [await arrive(platform.publicUrl), await arrive(platform.publicUrl, 'merchant')];
}, 240_000);

afterAll(async () => {
  await platform?.stop();
  await directory?.remove();
}, 60_000);

const smokeTest = (address: string, accounts?: Record<string, string>) =>
  promisify(execFile)(process.execPath, ['knative/smoke-test.ts', address], {
    cwd: ROOT,
    env: { ...(accounts && { SMOKE_ACCOUNTS: JSON.stringify(accounts) }) },
  }).then(
    ({ stdout, stderr }) => ({ code: 0, said: stdout + stderr }),
    ({ code, stdout, stderr }) => ({ code, said: stdout + stderr }),
  );

const accounts = (passwordOfOther = PASSWORD) => ({ [one.username]: PASSWORD, [other.username]: passwordOfOther });
const balanceOf = async (traveller: Traveller) => (await traveller.get('/v1/account')).body.data.account.balance;

test('pays one rupiah and reads it, in both directions', async () => {
  const empty = await smokeTest(platform.publicUrl, accounts());
  expect(empty).toMatchObject({ code: 1, said: expect.stringContaining('has a rupiah') });

  await topUp(one, '10');
  const there = await smokeTest(platform.publicUrl, accounts());
  expect(there).toMatchObject({ code: 0, said: expect.stringContaining(`${one.username} has paid ${other.username}`) });
  expect([await balanceOf(one), await balanceOf(other)]).toEqual(['9.00', '1.00']);

  await one.post('/v1/pay', { amount: '8', to: { username: other.username } });
  const back = await smokeTest(platform.publicUrl, accounts());
  expect(back).toMatchObject({ code: 0, said: expect.stringContaining(`${other.username} has paid ${one.username}`) });
  expect([await balanceOf(one), await balanceOf(other)]).toEqual(['2.00', '8.00']);
}, 120_000);

test('fails when an account cannot log in, and prints no password', async () => {
  const { code, said } = await smokeTest(platform.publicUrl, accounts('another password'));
  expect(code).toBe(1);
  expect(said).toContain('/v1/login: 401');
  expect(said).not.toContain('another password');
  expect(said).not.toContain(PASSWORD);
});

test('without accounts it reads, and says that nothing was paid', async () => {
  expect(await smokeTest(platform.publicUrl)).toMatchObject({
    code: 0,
    said: expect.stringContaining('Nothing was paid'),
  });
});

test('fails when no server answers', async () => {
  const { code, said } = await smokeTest('http://127.0.0.1:1', accounts());
  expect(code).toBe(1);
  expect(said).toContain('http://127.0.0.1:1/.well-known/jwks.json');
});

async function topUp(traveller: Traveller, amount: string): Promise<void> {
  const gopay = gopayControl(platform.simulators['gopay'] ?? '');
  const asked = await traveller.post('/v1/topup', { amount, payment_method: 'GOPAY' });
  const { id, transaction_id: reference } = asked.body.data.transaction;
  const payment = (await gopay.payments()).find(({ partnerReferenceNo }) => partnerReferenceNo.startsWith(reference));
  await gopay.pay(payment?.referenceNo as string);
  await until(async () => {
    const { body } = await traveller.get(`/v1/transactions/${id}`);
    return body.data?.transaction.status === 'SUCCESS';
  });
}
