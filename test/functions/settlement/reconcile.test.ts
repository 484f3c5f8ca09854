// What nobody told us of is found out from the database alone: payments, endings, wishes, and whatever a crash has left behind.

import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { brokenPromises, openAccount, type TestAccount } from '../../setup/accounts.ts';
import { pastTheDatabase } from '../../setup/past-the-database.ts';
import { eventually, openOnly, serveTopups, type TopupService } from './topup-service.ts';

let service: TopupService;

beforeAll(async () => {
  service = await serveTopups();
  await service.gopay.control.settings({ notifications: 'suppress' });
});
afterEach(async () => {
  // What a test leaves open is not the next one's business.
  await service.rows('update topups set look_at = null');
});
afterAll(async () => {
  expect(await brokenPromises(service.admin)).toEqual([]);
  await service.close();
});

async function pending() {
  const person = await service.openWallet();
  const { body } = await service.topup(person);
  const { transaction } = body.data;
  const [payment] = await service.paymentsOf(transaction.operation_id);
  return { person, transaction, operationId: transaction.operation_id as string, payment: payment?.referenceNo ?? '' };
}

const stateOf = async (operationId: string) =>
  (
    await service.rows(
      `select leg.transaction_status as status, topup.look_at is null as finished, topup.looks
         from topups topup join historical_transactions leg on leg.operation_id = topup.operation_id and leg.direction = 'CREDIT'
        where topup.operation_id = $1`,
      [operationId],
    )
  )[0];

test('a payment that nobody told us of is credited', async () => {
  const { person, operationId, payment } = await pending();
  await service.gopay.control.pay(payment);
  await service.age(operationId, '2 minutes');
  expect(await service.reconcile()).toBe(204);
  expect(await stateOf(operationId)).toEqual({ status: 'SUCCESS', finished: true, looks: 1 });
  expect(await service.balanceOf(person)).toBe('150000.00');
});

test('a young top-up is left alone, and one that nobody has paid yet is asked about again later', async () => {
  const { operationId } = await pending();
  await service.reconcile();
  expect(await stateOf(operationId)).toEqual({ status: 'PENDING', finished: false, looks: 0 });
  for (let look = 1; look <= 3; look++) {
    await service.rows('update topups set look_at = now() where operation_id = $1', [operationId]);
    await service.reconcile();
    expect(await stateOf(operationId)).toEqual({ status: 'PENDING', finished: false, looks: look });
    const [{ minutes }] = await service.rows(
      'select round(extract(epoch from look_at - now()) / 60)::int as minutes from topups where operation_id = $1',
      [operationId],
    );
    expect(minutes).toBe(2 ** look);
  }
});

test('one that ended at the provider ends here as the provider says', async () => {
  const [cancelled, failed, expired] = [await pending(), await pending(), await pending()];
  await service.gopay.control.cancel(cancelled.payment);
  await service.gopay.control.fail(failed.payment);
  await service.gopay.control.expire(expired.payment);
  for (const { operationId } of [cancelled, failed, expired]) await service.age(operationId, '2 minutes');
  await service.reconcile();
  expect((await stateOf(cancelled.operationId)).status).toBe('CANCELLED');
  expect((await stateOf(failed.operationId)).status).toBe('FAILED');
  expect((await stateOf(expired.operationId)).status).toBe('FAILED');
});

test('one whose time is over is cancelled at the provider before it fails', async () => {
  const { operationId } = await pending();
  // It says that it is pending, though it should have expired: the provider's clock is ours, only the attempt is older here.
  await service.age(operationId, '21 minutes');
  await service.reconcile();
  expect(await stateOf(operationId)).toMatchObject({ status: 'FAILED', finished: true });
  expect((await service.paymentsOf(operationId)).map((payment) => payment?.status)).toEqual(['cancelled']);
});

test('and does not fail before the provider has confirmed that', async () => {
  const { person, operationId, payment } = await pending();
  await service.age(operationId, '21 minutes');
  await service.gopay.control.fault({ service: '57', process: false, answer: { response_code: '5045700' } });
  await service.reconcile();
  expect(await stateOf(operationId)).toMatchObject({ status: 'PENDING', finished: false });
  await service.gopay.control.pay(payment);
  await service.rows('update topups set look_at = now() where operation_id = $1', [operationId]);
  await service.reconcile();
  expect(await stateOf(operationId)).toMatchObject({ status: 'SUCCESS', finished: true });
  expect(await service.balanceOf(person)).toBe('150000.00');
});

describe('what a crash has left behind', () => {
  test('before the provider was called is waited for until no request can arrive any more, and has failed then', async () => {
    const person = await service.openWallet();
    const key = randomUUID();
    const operationId = await openOnly(person, key);
    await service.age(operationId, '2 minutes');
    await service.reconcile();
    expect(await stateOf(operationId)).toMatchObject({ status: 'PENDING', finished: false });
    await service.age(operationId, '19 minutes');
    await service.reconcile();
    expect(await stateOf(operationId)).toMatchObject({ status: 'FAILED', finished: true });
    expect(await service.paymentsOf(operationId)).toEqual([undefined]);
    // Who asks for it after that learns how it ended.
    const late = await service.topup(person, { key });
    expect([late.status, late.body.code]).toEqual([422, 'provider_refused']);
    expect((await service.topup(person, { key })).headers.get('idempotent-replayed')).toBe('true');
  });

  test('after the provider was called is cancelled there: nobody knows where to pay it', async () => {
    const { operationId } = await pending();
    await service.rows(
      "update topup_attempts set state = 'REQUESTED', provider_reference = null, accepted_at = null where operation_id = $1",
      [operationId],
    );
    await service.age(operationId, '2 minutes');
    await service.reconcile();
    expect(await stateOf(operationId)).toMatchObject({ status: 'FAILED', finished: true });
    expect((await service.paymentsOf(operationId)).map((payment) => payment?.status)).toEqual(['cancelled']);
  });

  test('between the posting and the note of it is not posted again', async () => {
    const { person, operationId, payment } = await pending();
    await service.gopay.control.pay(payment);
    await service.age(operationId, '2 minutes');
    await service.reconcile();
    await service.rows("update topup_attempts set state = 'ACCEPTED' where operation_id = $1", [operationId]);
    await service.rows('update topups set look_at = now() where operation_id = $1', [operationId]);
    await service.reconcile();
    expect(await stateOf(operationId)).toMatchObject({ status: 'SUCCESS', finished: true });
    expect(await service.balanceOf(person)).toBe('150000.00');
    expect(await service.rows('select state from topup_attempts where operation_id = $1', [operationId])).toEqual([
      { state: 'PAID' },
    ]);
  });

  test('is not touched while somebody works on it', async () => {
    const { operationId, payment } = await pending();
    await service.gopay.control.pay(payment);
    await service.age(operationId, '2 minutes');
    await service.rows("update topups set leased_until = now() + interval '20 seconds' where operation_id = $1", [
      operationId,
    ]);
    await service.reconcile();
    expect(await stateOf(operationId)).toMatchObject({ status: 'PENDING', looks: 0 });
  });
});

test('two runs at once ask about each top-up once, and credit each once', async () => {
  const topups = [];
  for (let count = 0; count < 12; count++) topups.push(await pending());
  for (const { payment, operationId } of topups) {
    await service.gopay.control.pay(payment);
    await service.age(operationId, '2 minutes');
  }
  expect(await Promise.all([service.reconcile(), service.reconcile()])).toEqual([204, 204]);
  for (const { person, operationId } of topups) {
    expect(await stateOf(operationId)).toEqual({ status: 'SUCCESS', finished: true, looks: 1 });
    expect(await service.balanceOf(person)).toBe('150000.00');
  }
});

test('one that nobody can say the end of is a finding until it has ended', async () => {
  const { operationId, payment } = await pending();
  const findings = () =>
    service.rows('select kind, resolved_at is null as open from findings where operation_id = $1', [operationId]);
  await service.age(operationId, '2 hours');
  for (let look = 0; look < 2; look++) {
    for (const each of ['57', '55'] as const)
      await service.gopay.control.fault({ service: each, answer: 'garbage', process: false });
    await service.rows('update topups set look_at = now() where operation_id = $1', [operationId]);
    await service.reconcile();
    expect(await findings()).toEqual([{ kind: 'topup_stuck', open: true }]);
  }
  await service.gopay.control.pay(payment);
  await service.rows('update topups set look_at = now() where operation_id = $1', [operationId]);
  await service.reconcile();
  expect(await stateOf(operationId)).toMatchObject({ status: 'SUCCESS' });
  expect(await findings()).toEqual([{ kind: 'topup_stuck', open: false }]);
});

test('the house is kept: old keys go, young ones stay, and months are made ahead', async () => {
  const { person, operationId } = await pending();
  await service.rows(
    `insert into idempotency_keys (account_id, key, function, request, operation_id, status, answer, created_at)
     select $1, 'old ' || n, 'pay', '{}', $2, 201, '{}', now() - interval '31 days' from generate_series(1, 4500) n`,
    [person.accountId, operationId],
  );
  const [{ name }] = await service.rows(
    "select 'historical_transactions_' || to_char(now() at time zone 'Asia/Jakarta' + interval '11 months', 'YYYY_MM') as name",
  );
  await service.rows(`drop table ${name}`);
  expect(await service.reconcile()).toBe(204);
  const [counts] = await service.rows(
    `select count(*) filter (where key like 'old %')::int as old, count(*) filter (where operation_id = $2 and key not like 'old %')::int as young
       from idempotency_keys where account_id = $1`,
    [person.accountId, operationId],
  );
  expect(counts).toEqual({ old: 0, young: 1 });
  expect(await service.rows('select to_regclass($1) is not null as there', [name])).toEqual([{ there: true }]);
});

test('a top-up that cannot be looked at keeps neither the others nor the house from being kept', async () => {
  const [broken, good] = [await pending(), await pending()];
  await service.gopay.control.pay(good.payment);
  for (const { operationId } of [broken, good]) await service.age(operationId, '2 minutes');
  await service.rows("update historical_transactions set payment_method = 'SHOPEE_PAY' where operation_id = $1", [
    broken.operationId,
  ]);
  expect(await service.reconcile()).toBe(503);
  expect((await stateOf(good.operationId)).status).toBe('SUCCESS');
  expect((await stateOf(broken.operationId)).status).toBe('PENDING');
});

describe('the books', () => {
  const openKinds = async () =>
    (await service.rows('select kind, subject from findings where resolved_at is null order by kind')).filter(
      ({ kind }) => kind.startsWith('ledger_'),
    );

  test('are proven while payments go on, without a false alarm', async () => {
    const movements = await import('../../setup/movements.ts');
    const { pay, hold, capture, giveUp, refund } = movements;
    const people: TestAccount[] = [];
    for (let count = 0; count < 6; count++) {
      people.push(await openAccount(service.admin, { type: 'merchant', balance: '100000.00' }));
    }
    let going = true;
    let moved = 0;
    const somebody = (but?: unknown) => {
      const others = people.filter((each) => each !== but);
      return others[Math.floor(Math.random() * others.length)] ?? people[0];
    };
    const moveSomething = async () => {
      const from = somebody() as TestAccount;
      const to = somebody(from) as TestAccount;
      const kind = Math.random();
      if (kind < 0.5) await pay(from, to, '1.00');
      else {
        const { operationId } = await hold(from, to, '2.00');
        if (kind < 0.7) await giveUp(operationId, from, to);
        else if (kind < 0.9) await capture(operationId, from, to, '1.50');
        if (kind > 0.8 && kind < 0.9) await refund(operationId, to, from, '0.50');
      }
      moved++;
    };
    const client = async () => {
      // One that is sent away by a busy ledger has moved nothing, or has: either way the books must agree.
      while (going) await moveSomething().catch(() => undefined);
    };
    const clients = Array.from({ length: 20 }, client);
    const completed = async () =>
      (await service.rows('select coalesce(completed_at::text, $1) as at from trial_balance', ['never']))[0].at;
    const rounds = new Set<string>();
    while (rounds.size < 12) {
      await service.reconcile();
      rounds.add(await completed());
    }
    going = false;
    await Promise.all(clients);
    expect(moved).toBeGreaterThan(50);
    expect(await openKinds()).toEqual([]);
    // And the checkpoints that were made meanwhile are right.
    expect(await service.reconcile()).toBe(204);
    expect(await openKinds()).toEqual([]);
  });

  test('that contradict themselves are a finding and an event, and stay one when they agree again', async () => {
    const { accountId } = await openAccount(service.admin, { balance: '10.00' });
    await service.reconcile();
    service.events.length = 0;
    await pastTheDatabase(service.admin, 'update accounts set balance = balance + 5 where id = $1', [accountId]);
    expect(await service.reconcile()).toBe(204);
    const findings = [
      { kind: 'ledger_balance', subject: accountId },
      { kind: 'ledger_total', subject: 'IDR' },
    ];
    expect(await openKinds()).toEqual(findings);
    await eventually(async () => service.events.length >= 2);
    expect(service.events.map(({ type, data }) => [type, data.kind]).sort()).toEqual([
      ['one-gate.finding.opened', 'ledger_balance'],
      ['one-gate.finding.opened', 'ledger_total'],
    ]);
    await pastTheDatabase(service.admin, 'update accounts set balance = balance - 5 where id = $1', [accountId]);
    await service.reconcile();
    expect(await openKinds()).toEqual(findings);
    // A person has looked into it.
    await service.rows('update findings set resolved_at = now() where resolved_at is null');
    await service.reconcile();
    expect(await openKinds()).toEqual([]);
  });

  test('are not touched twice by two runs at once', async () => {
    expect(await Promise.all([service.reconcile(), service.reconcile(), service.reconcile()])).toEqual([204, 204, 204]);
    expect(await openKinds()).toEqual([]);
  });
});

test('what is PENDING or waiting for too long is a finding until it is over', async () => {
  const kinds = async () =>
    (
      await service.rows(
        "select kind from findings where resolved_at is null and kind ~ '^(outbox|hold|topup_pending)' order by kind",
      )
    ).map(({ kind }) => kind);
  const { person, operationId } = await pending();
  const shop = await openAccount(service.admin, { type: 'merchant' });
  const payer = await openAccount(service.admin, { balance: '100.00' });
  const movements = await import('../../setup/movements.ts');
  const held = await movements.hold(payer, shop, '30.00');
  await service.rows(
    "update holds set held_at = now() - interval '1 day', expires_at = now() - interval '11 minutes' where operation_id = $1",
    [held.operationId],
  );
  await service.rows(
    `insert into outbox (id, topic, type, source, subject, partition_key, sequence, data, created_at)
     values (uuidv7(), 't', 't', 's', 's', 'p', 1, '{}', now() - interval '3 minutes')`,
  );
  await openOldTopup(person.accountId);
  await service.reconcile();
  expect(await kinds()).toEqual(['hold_overdue', 'outbox_overdue', 'topup_pending_too_long']);
  await service.reconcile();
  expect(await kinds()).toEqual(['hold_overdue', 'outbox_overdue', 'topup_pending_too_long']);

  await service.rows("delete from outbox where topic = 't'");
  await movements.giveUp(held.operationId, payer, shop);
  await movements.settle(oldTopup, person, 'FAILED');
  await service.reconcile();
  expect(await kinds()).toEqual([]);
  expect(await stateOf(operationId)).toMatchObject({ status: 'PENDING' });
});

/** Of two days ago, in the month of its id. */
let oldTopup = '';
async function openOldTopup(accountId: string): Promise<void> {
  const [{ id }] = await service.rows("select left(uuidv7(interval '-2 days')::text, 35) || '0' as id");
  oldTopup = id;
  await service.rows(
    `with changed as (
       update accounts set version = version + 1, pending = pending + 60 where id = $1 returning id, user_id, version, balance)
     insert into historical_transactions (id, operation_id, user_id, account_id, leg_number, transaction_type, transaction_status, direction,
            amount, balance_before, balance_after, payment_method, created_at)
     select (left($2, 35) || '2')::uuid, $2::uuid, user_id, id, version, 'TOPUP', 'PENDING', 'CREDIT', 60, balance, balance, 'GOPAY',
            now() - interval '2 days'
       from changed`,
    [accountId, id],
  );
}
