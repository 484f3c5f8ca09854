// Holds past their time: the money is the payer's again, exactly once, even when other requests come at the same
// moment.

import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { brokenPromises, openAccount, type TestAccount } from '../../setup/accounts.ts';
import { serveWallet, type WalletService } from '../wallet/wallet-service.ts';

let service: WalletService;
let movements: typeof import('../../setup/movements.ts');
let ada: TestAccount;
let shop: TestAccount;

beforeAll(async () => {
  service = await serveWallet(async () => [(await import('../../../functions/settlement/expire-holds.ts')).default]);
  movements = await import('../../setup/movements.ts');
});
beforeEach(async () => {
  ada = await openAccount(service.admin, { balance: '1000.00' });
  shop = await openAccount(service.admin, { type: 'merchant' });
});
afterAll(async () => {
  expect(await brokenPromises(service.admin)).toEqual([]);
  const { proveEverything } = await import('../../../shared/ledger/proof/trial-balance.ts');
  const { broken } = await proveEverything(async (statement) => (await service.admin.query(statement)).rows as never);
  expect(broken).toEqual([]);
  await service.close();
});

// biome-ignore lint/suspicious/noExplicitAny: tests look into rows of every shape.
const rows = async (text: string, values: unknown[] = []): Promise<any[]> =>
  (await service.admin.query(text, values)).rows;

/** One tick; returns its status. */
async function tick(): Promise<number> {
  const response = await fetch(`${service.urlOf('expire-holds')}/events`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'ce-specversion': '1.0',
      'ce-id': crypto.randomUUID(),
      'ce-source': '/test',
      'ce-type': 'dev.knative.sources.ping',
    },
    body: '{}',
  });
  return response.status;
}

/** Puts the end of its time a second into the past. */
const expire = (operationId: string) =>
  rows(
    "update holds set held_at = now() - interval '1 hour', expires_at = now() - interval '1 second' where operation_id = $1",
    [operationId],
  );
const accountOf = async ({ accountId }: TestAccount) =>
  (await rows('select balance, held, pending from accounts where id = $1', [accountId]))[0];
const statusOf = async (operationId: string) =>
  (
    await rows('select distinct transaction_status as status from historical_transactions where operation_id = $1', [
      operationId,
    ])
  ).map(({ status }) => status);
const openFindings = (operationId: string) =>
  rows('select kind from findings where operation_id = $1 and resolved_at is null', [operationId]);

test('an expired hold frees the money and publishes an event, once; one with time left stays', async () => {
  const { operationId: over } = await movements.hold(ada, shop, '300.00');
  const { operationId: open } = await movements.hold(ada, shop, '200.00');
  await expire(over);
  expect([await tick(), await tick()]).toEqual([204, 204]);
  expect(await accountOf(ada)).toEqual({ balance: '1000.00', held: '200.00', pending: '0.00' });
  expect(await accountOf(shop)).toEqual({ balance: '0.00', held: '0.00', pending: '200.00' });
  expect([await statusOf(over), await statusOf(open)]).toEqual([['CANCELLED'], ['PENDING']]);
  expect(await rows('select type, source from outbox where subject = $1', [over])).toEqual([
    { type: 'one-gate.payment.expired', source: '/one-gate/expire-holds' },
  ]);
  const [{ ended }] = await rows('select ended_at is not null as ended from holds where operation_id = $1', [over]);
  expect(ended).toBe(true);
});

test('an expired hold can no longer be captured or voided, before and after the schedule has run', async () => {
  const { operationId } = await movements.hold(ada, shop, '300.00');
  await expire(operationId);
  expect((await movements.capture(operationId, ada, shop)).outcome).toBe('hold_expired');
  await tick();
  expect((await movements.capture(operationId, ada, shop)).outcome).toBe('already_settled');
  expect((await movements.giveUp(operationId, ada, shop)).outcome).toBe('already_settled');
  expect(await accountOf(ada)).toEqual({ balance: '1000.00', held: '0.00', pending: '0.00' });
});

test('a capture and the expiry at the same instant end in exactly one of both, many times', async () => {
  const ended = { SUCCESS: 0, CANCELLED: 0 };
  for (let round = 0; round < 12; round++) {
    const holds = await Promise.all(Array.from({ length: 8 }, () => movements.hold(ada, shop, '10.00')));
    const before = Number((await accountOf(shop)).balance);
    // Each expires at a moment of its own, while captures and ticks are on their way.
    await rows(
      `update holds set held_at = now() - interval '1 hour', expires_at = clock_timestamp() + make_interval(secs => 0.01 * (place % 4))
         from unnest($1::uuid[]) with ordinality as over (id, place) where operation_id = over.id`,
      [holds.map(({ operationId }) => operationId)],
    );
    const [captures] = await Promise.all([
      Promise.all(holds.map(({ operationId }) => movements.capture(operationId, ada, shop))),
      tick(),
      tick(),
    ]);
    while (
      (await rows('select 1 from holds where ended_at is null and payer_account = $1', [ada.accountId])).length > 0
    )
      await tick();
    let captured = 0;
    for (const [index, { operationId }] of holds.entries()) {
      const status = await statusOf(operationId);
      expect(status).toEqual([captures[index]?.outcome === 'posted' ? 'SUCCESS' : 'CANCELLED']);
      if (status[0] === 'SUCCESS') captured++;
      ended[status[0] as 'SUCCESS' | 'CANCELLED']++;
    }
    expect(await accountOf(ada)).toMatchObject({ held: '0.00' });
    expect(await accountOf(shop)).toMatchObject({ balance: (before + captured * 10).toFixed(2), pending: '0.00' });
  }
  expect(Math.min(ended.SUCCESS, ended.CANCELLED)).toBeGreaterThan(0);
});

test('more holds than a batch takes, by several runs at once, are released once each', async () => {
  const holds = await Promise.all(Array.from({ length: 120 }, () => movements.hold(ada, shop, '1.00')));
  await rows(
    "update holds set held_at = now() - interval '1 hour', expires_at = now() - interval '1 second' where payer_account = $1",
    [ada.accountId],
  );
  expect(await Promise.all([tick(), tick(), tick()])).toEqual([204, 204, 204]);
  expect(await accountOf(ada)).toEqual({ balance: '1000.00', held: '0.00', pending: '0.00' });
  const told = await rows('select subject from outbox where subject = any($1)', [
    holds.map(({ operationId }) => operationId),
  ]);
  expect(told).toHaveLength(120);
});

test('a suspended payer gets held money back, too', async () => {
  const { operationId } = await movements.hold(ada, shop, '300.00');
  await expire(operationId);
  await rows("update accounts set account_status = 'SUSPENDED' where id = $1", [ada.accountId]);
  await tick();
  expect(await accountOf(ada)).toMatchObject({ held: '0.00' });
});

test('a hold that cannot be released is a finding, blocks no other hold, and is resolved when it can be', async () => {
  const { operationId: broken } = await movements.hold(ada, shop, '300.00');
  const { operationId: good } = await movements.hold(ada, shop, '200.00');
  await expire(broken);
  await expire(good);
  await service.admin.query('begin');
  await service.admin.query('set local session_replication_role = replica');
  await service.admin.query(
    "update historical_transactions set counterparty_id = '00000000-0000-7000-8000-00000000000f' where operation_id = $1 and direction = 'DEBIT'",
    [broken],
  );
  await service.admin.query('commit');
  expect([await tick(), await tick()]).toEqual([204, 204]);
  expect(await statusOf(good)).toEqual(['CANCELLED']);
  expect(await openFindings(broken)).toEqual([{ kind: 'hold_not_released' }]);
  await service.admin.query('begin');
  await service.admin.query('set local session_replication_role = replica');
  await service.admin.query(
    "update historical_transactions set counterparty_id = $2 where operation_id = $1 and direction = 'DEBIT'",
    [broken, shop.accountId],
  );
  await service.admin.query('commit');
  await tick();
  expect([await statusOf(broken), await openFindings(broken)]).toEqual([['CANCELLED'], []]);
});

test('while money is frozen no hold is released, and none is a finding; after the thaw they are released', async () => {
  const { operationId } = await movements.hold(ada, shop, '300.00');
  await expire(operationId);
  await rows(
    "insert into freezes (scope, subject, reason, frozen_by) values ('FUNCTION', 'expire-holds', 'a test', $1)",
    [ada.userId],
  );
  expect(await tick()).toBe(204);
  expect([await statusOf(operationId), await openFindings(operationId)]).toEqual([['PENDING'], []]);
  await rows('update freezes set thawed_at = now(), thawed_by = frozen_by where thawed_at is null');
  await tick();
  expect(await statusOf(operationId)).toEqual(['CANCELLED']);
});
