// Stuck operations are found from the database alone, and are no longer findings once they are over.

import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { openAccount } from '../../setup/accounts.ts';
import { giveUp, hold, openTopup, settle } from '../../setup/movements.ts';
import { type ScheduledProcess, startScheduled } from './scheduled-process.ts';
import { serveTopups, type TopupService } from './topup-service.ts';

let service: TopupService;
let finder: ScheduledProcess;

beforeAll(async () => {
  service = await serveTopups();
  finder = await startScheduled('find-overdue', service.database);
});
afterAll(async () => {
  await finder.stop();
  await service.close();
});

test('a top-up, a hold or an event that waits too long is a finding until it is over', async () => {
  const kinds = async () =>
    (
      await service.rows(
        "select kind from findings where resolved_at is null and kind ~ '^(outbox|hold|topup_pending)' order by kind",
      )
    ).map(({ kind }) => kind);
  const person = await openAccount(service.admin);
  const { operationId } = await openTopup(person, '150000.00');
  const shop = await openAccount(service.admin, { type: 'merchant' });
  const payer = await openAccount(service.admin, { balance: '100.00' });
  const held = await hold(payer, shop, '30.00');
  await service.rows(
    "update holds set held_at = now() - interval '1 day', expires_at = now() - interval '11 minutes' where operation_id = $1",
    [held.operationId],
  );
  await service.rows(
    `insert into outbox (id, topic, type, source, subject, partition_key, sequence, data, created_at)
     values (uuidv7(), 't', 't', 's', 's', 'p', 1, '{}', now() - interval '3 minutes')`,
  );
  await openOldTopup(person.accountId);
  await finder.tick();
  expect(await kinds()).toEqual(['hold_overdue', 'outbox_overdue', 'topup_pending_too_long']);
  await finder.tick();
  expect(await kinds()).toEqual(['hold_overdue', 'outbox_overdue', 'topup_pending_too_long']);

  await service.rows("delete from outbox where topic = 't'");
  await giveUp(held.operationId, payer, shop);
  await settle(oldTopup, person, 'FAILED');
  await finder.tick();
  expect(await kinds()).toEqual([]);
  expect(
    await service.rows('select transaction_status as status from historical_transactions where operation_id = $1', [
      operationId,
    ]),
  ).toEqual([{ status: 'PENDING' }]);
});

/** Of two days ago, in the month of its id. */
let oldTopup = '';
async function openOldTopup(accountId: string): Promise<void> {
  const [{ id }] = await service.rows("select left(uuidv7(interval '-2 days')::text, 35) || '0' as id");
  oldTopup = id;
  await service.rows(
    `insert into historical_transactions (id, operation_id, user_id, account_id, leg_number, transaction_type, transaction_status, direction,
            amount, balance_before, balance_after, payment_method, created_at)
     select (left($2, 35) || '2')::uuid, $2::uuid, user_id, id, version + 1, 'TOPUP', 'PENDING', 'CREDIT', 60, balance, balance, 'GOPAY',
            now() - interval '2 days'
       from accounts where id = $1`,
    [accountId, id],
  );
}
