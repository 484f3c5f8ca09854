// Expired rows are deleted, others stay, and partitions exist for the months to come.

import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { queryOnce } from '../../setup/database.ts';
import { type ScheduledProcess, startScheduled } from './scheduled-process.ts';
import { serveTopups, type TopupService } from './topup-service.ts';

let service: TopupService;
let house: ScheduledProcess;

beforeAll(async () => {
  service = await serveTopups();
  house = await startScheduled('keep-house', service.database);
});
afterAll(async () => {
  await house.stop();
  await service.close();
});

test('old keys are deleted, young ones stay, and partitions are made ahead', async () => {
  const person = await service.openWallet();
  const operationId = randomUUID();
  await service.rows(
    `insert into idempotency_keys (account_id, key, function, request, operation_id, status, answer, created_at)
     select $1::uuid, 'old ' || n, 'pay', '{}', $2::uuid, 201, '{}', now() - interval '30 days 1 hour' from generate_series(1, 4500) n
     union all select $1::uuid, 'young', 'pay', '{}', $2::uuid, 201, '{}', now() - interval '29 days 23 hours'`,
    [person.accountId, operationId],
  );
  const [{ name }] = await service.rows(
    "select 'historical_transactions_' || to_char(now() at time zone 'Asia/Jakarta' + interval '11 months', 'YYYY_MM') as name",
  );
  await service.rows(`drop table ${name}`);
  expect(await house.tick()).toBe(204);
  const [counts] = await service.rows(
    `select count(*) filter (where key like 'old %')::int as old, count(*) filter (where key = 'young')::int as young
       from idempotency_keys where account_id = $1`,
    [person.accountId],
  );
  expect(counts).toEqual({ old: 0, young: 1 });
  expect(await service.rows('select to_regclass($1) is not null as there', [name])).toEqual([{ there: true }]);
});

test('expired sessions and tokens are deleted, and others stay', async () => {
  const person = await service.openWallet();
  const [{ id }] = await service.rows(
    "insert into sessions (user_id, expires_at) values ($1, now() - interval '2 hours') returning id",
    [person.userId],
  );
  await service.rows(
    "insert into authentications (token, user_id, session_id, expires_at) values ($1, $2, $3, now() - interval '2 hours')",
    [randomUUID(), person.userId, id],
  );
  expect(await house.tick()).toBe(204);
  expect(await service.rows('select 1 from authentications where user_id = $1', [person.userId])).toEqual([]);
  const sessions = await service.rows('select id from sessions where user_id = $1', [person.userId]);
  expect(sessions.map((session) => session.id)).not.toContain(id);
  expect(sessions).toHaveLength(1);
});

describe('the role of the database', () => {
  test.each([
    ['remove a key that is promised still', 'delete from idempotency_keys'],
    ['read requests and their answers', 'select 1 from idempotency_keys'],
    ['read tokens', 'select 1 from authentications'],
    ['end a session', 'update sessions set ended_at = now()'],
    ['read accounts', 'select 1 from accounts'],
    ['read history', 'select 1 from historical_transactions'],
    ['make a table', 'create table mine ()'],
  ])('cannot %s', async (_what, sql) => {
    await expect(queryOnce(service.database.urls.housekeeper, sql)).rejects.toMatchObject({ code: '42501' });
  });
});
