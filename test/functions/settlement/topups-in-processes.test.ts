// Top-ups through several processes at once, as they run in production: repetitions, and processes that are killed.

import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { brokenPromises } from '../../setup/accounts.ts';
import { type FunctionProcess, startBeside } from '../../setup/function-process.ts';
import { call } from '../wallet/wallet-service.ts';
import { eventHeaders, eventually, serveTopups, type TopupService } from './topup-service.ts';

let service: TopupService;
const running = new Set<FunctionProcess>();

beforeAll(async () => {
  service = await serveTopups();
});
afterAll(async () => {
  for (const each of running) each.kill('SIGKILL');
  await Promise.all([...running].map(({ ended }) => ended));
  expect(await brokenPromises(service.admin)).toEqual([]);
  await service.close();
});

async function start(name: string): Promise<FunctionProcess> {
  const started = await startBeside(name);
  running.add(started);
  return started;
}

test('twenty deliveries of the same notification to two processes credit the wallet once', async () => {
  const processes = [await start('settle-topup'), await start('settle-topup')];
  service.settings.deliver = false;
  await service.gopay.control.settings({ notifications: 'suppress' });
  const person = await service.openWallet();
  const { transaction } = (await service.topup(person)).body.data;
  const [payment] = await service.paymentsOf(transaction.operation_id);
  await service.gopay.control.pay(payment?.referenceNo ?? '');
  const statuses = await Promise.all(
    Array.from({ length: 20 }, async (_, index) => {
      const response = await fetch(`${processes[index % 2]?.url}/events`, {
        method: 'POST',
        headers: eventHeaders('one-gate.topup.notified'),
        body: JSON.stringify({ reference: payment?.partnerReferenceNo, state: 'paid' }),
      });
      return response.status;
    }),
  );
  expect(statuses).toEqual(Array(20).fill(204));
  expect(await service.balanceOf(person)).toBe('150000.00');
  const legs = await service.rows('select 1 from historical_transactions where operation_id = $1', [
    transaction.operation_id,
  ]);
  expect(legs).toHaveLength(2);
  const succeeded = () => service.events.filter(({ type }) => type === 'one-gate.topup.succeeded');
  await eventually(() => succeeded().length > 0);
  expect(succeeded()).toHaveLength(1);
});

test('when a process is killed while it asks the provider, another one goes on', async () => {
  const [doomed, survivor] = [await start('topup'), await start('topup')];
  const person = await service.openWallet();
  const key = randomUUID();
  const body = { amount: '150000', payment_method: 'GOPAY' };
  await service.gopay.control.fault({ service: '54', delay_ms: 600_000 });
  const lost = call(`${doomed.url}/v1/topup`, { as: person, key, body }).catch(() => 'no answer');
  const operationId = await eventually(async () => {
    const [row] = await service.rows('select operation_id from idempotency_keys where key = $1', [key]);
    return row && (await service.paymentsOf(row.operation_id))[0] && (row.operation_id as string);
  });
  doomed.kill('SIGKILL');
  expect(await lost).toBe('no answer');

  const early = await call(`${survivor.url}/v1/topup`, { as: person, key, body });
  expect([early.status, early.body.code]).toEqual([409, 'request_in_progress']);
  await service.age(operationId, '31 seconds');
  const late = await call(`${survivor.url}/v1/topup`, { as: person, key, body });
  expect([late.status, late.body.data.transaction.operation_id]).toEqual([202, operationId]);
  // The attempt of the killed process can no longer be paid; the person got the address of the other one.
  const payments = await service.paymentsOf(operationId);
  expect(payments.map((payment) => payment?.status)).toEqual(['cancelled', 'initiated']);
  expect(late.body.data.redirect_url).toContain(payments[1]?.pageToken);
});
