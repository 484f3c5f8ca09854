// Who may be an operator, and the audit trail of their acts.

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import pg from 'pg';
import { queryOnce } from '../../setup/database.ts';
import type { Person } from '../wallet/wallet-service.ts';
import { type OperatorsService, openOperator, serveOperators } from './operators-service.ts';

let service: OperatorsService;
let siti: Person;
let operator: pg.Client;

beforeAll(async () => {
  service = await serveOperators();
  siti = await service.openWallet({ username: 'siti' });
  operator = new pg.Client({ connectionString: service.database.urls.operator });
  await operator.connect();
});
afterAll(async () => {
  await operator.end();
  await service.close();
});

describe('the role', () => {
  const everything: [string, (as: Person) => ReturnType<OperatorsService['get']>][] = [
    ['freeze', (as) => service.post('freeze', { scope: 'all', reason: 'mine' }, as)],
    ['thaw', (as) => service.post('thaw', { freeze_id: crypto.randomUUID(), reason: 'mine' }, as)],
    ['change accounts', (as) => service.post('account', { username: 'siti', verified: true, reason: 'mine' }, as)],
    ['list freezes', (as) => service.get('freezes', {}, as)],
    ['read the trail', (as) => service.get('audit', {}, as)],
    ['issue an API key', (as) => service.post('api-key', { consumer: 'ojk', key_name: 'mine', reason: 'mine' }, as)],
    [
      'disable an API key',
      (as) => service.post('api-key/disable', { key_id: crypto.randomUUID(), reason: 'mine' }, as),
    ],
    ['list API keys', (as) => service.get('api-keys', {}, as)],
  ];

  test.each(everything)('is needed to %s', async (_what, ask) => {
    const before = await service.trail();
    const customer = await ask(siti);
    expect([customer.status, customer.body.code]).toEqual([403, 'operator_only']);
    const stranger = await ask({ ...siti, token: 'a.b.c' });
    expect([stranger.status, stranger.body.code]).toEqual([401, 'unauthorized']);
    expect(await service.trail()).toEqual(before);
  });

  test('ends with the next request after it was taken away, and both changes are in the trail', async () => {
    const budi = await openOperator(service, 'budi');
    expect((await service.get('freezes', {}, budi)).status).toBe(200);
    await service.admin.query("set one_gate.reason = 'has left'");
    await service.admin.query("update users set role = 'customer' where id = $1", [budi.userId]);
    await service.admin.query('reset one_gate.reason');
    expect((await service.get('freezes', {}, budi)).status).toBe(403);
    const ofBudi = (await service.trail()).filter(({ subject }) => subject === 'user:budi');
    expect(ofBudi).toMatchObject([
      { actor: null, action: 'change-role', reason: 'no reason was given' },
      { actor: null, action: 'change-role', reason: 'has left' },
    ]);
    expect(ofBudi.map(({ detail }) => JSON.parse(detail))).toMatchObject([
      { before: 'customer', after: 'operator' },
      { before: 'operator', after: 'customer' },
    ]);
  });

  test('cannot be written by registration', async () => {
    const asIdentity = (sql: string) => queryOnce(service.database.urls.identity, sql);
    const columns = 'username, email, phone, password, type';
    const values = "'mallory', 'm@example.test', '+62811', 'x', 'user'";
    await expect(
      asIdentity(`insert into users (${columns}, role) values (${values}, 'operator')`),
    ).rejects.toMatchObject({ code: '42501' });
    await expect(asIdentity("update users set role = 'operator'")).rejects.toMatchObject({ code: '42501' });
    await asIdentity(`insert into users (${columns}) values (${values})`);
  });
});

describe('the trail', () => {
  test('is read newest first, by subject, action and actor, in pages', async () => {
    const ratna = await openOperator(service, 'ratna');
    await service.post('account', { username: 'siti', status: 'SUSPENDED', reason: 'one' }, ratna);
    await service.post('freeze', { scope: 'account', subject: 'siti', reason: 'two' }, ratna);
    await service.post('account', { username: 'siti', status: 'ACTIVE', reason: 'three' });
    const reasons = async (search: Record<string, string>) =>
      (await service.get('audit', search)).body.data.map(({ reason }: { reason: string }) => reason);
    const subject = `account:${siti.accountId}`;
    expect(await reasons({ subject })).toEqual(['three', 'two', 'one']);
    expect(await reasons({ subject, actor: 'Ratna' })).toEqual(['two', 'one']);
    expect(await reasons({ subject, action: 'change-account' })).toEqual(['three', 'one']);
    expect(await reasons({ subject, actor: 'nadia', action: 'freeze' })).toEqual([]);

    const first = await service.get('audit', { subject, limit: '2' });
    expect(first.body.data[0]).toEqual({
      id: expect.stringMatching(/^\d+$/),
      at: expect.any(String),
      actor: 'nadia',
      action: 'change-account',
      subject,
      reason: 'three',
      detail: {
        before: { status: 'SUSPENDED', verified_at: null, email_verified_at: null, phone_verified_at: null },
        after: { status: 'ACTIVE', verified_at: null, email_verified_at: null, phone_verified_at: null },
      },
    });
    expect(await reasons({ subject, limit: '2', cursor: first.body.next_cursor })).toEqual(['one']);
    const mixed = await service.get('audit', { cursor: first.body.next_cursor });
    expect([mixed.status, mixed.body.code]).toEqual([400, 'invalid_cursor']);
    const all = (await service.get('audit', { action: 'change-role' })).body.data;
    expect(all[0]).toMatchObject({ actor: null, subject: 'user:ratna' });
  });

  test.each([["update audit_trail set reason = 'another'"], ['delete from audit_trail'], ['truncate audit_trail']])(
    'no role can run %s, not even its owner',
    async (sql) => {
      await expect(service.admin.query(sql)).rejects.toMatchObject({ code: '23001' });
      await expect(queryOnce(service.database.urls.migrator, sql)).rejects.toMatchObject({ code: '23001' });
      await expect(operator.query(sql)).rejects.toMatchObject({ code: '42501' });
    },
  );
});

describe('the role of the database', () => {
  test.each([
    ['move money', 'update accounts set balance = balance + 1'],
    ['hold money', 'update accounts set held = 0'],
    ['write history', 'insert into historical_transactions (id) values (uuidv7())'],
    ['read history', 'select 1 from historical_transactions'],
    ['change a limit', 'update emoney_limits set value = 1'],
    ['give a role', "update users set role = 'operator'"],
    ['read a password', 'select password from users'],
    ['read an e-mail address', 'select email from users'],
    ['read a phone number', 'select phone from users'],
    ['prove a number past its function', 'update users set phone_verified_at = now()'],
    ['rewrite a freeze', "update freezes set reason = 'mine'"],
    ['remove a freeze', 'delete from freezes'],
    ['end a session', 'update sessions set ended_at = now()'],
    ['read tokens', 'select 1 from authentications'],
    ['backdate its acts', "insert into audit_trail (at, action, subject, reason) values (now(), 'freeze', 'all', 'x')"],
    ['make a table', 'create table mine ()'],
  ])('cannot %s', async (_what, sql) => {
    await expect(operator.query(sql)).rejects.toMatchObject({ code: '42501' });
  });

  test('reads the tables that operators need', async () => {
    for (const table of ['accounts', 'freezes', 'findings', 'emoney_limits', 'audit_trail']) {
      await operator.query(`select * from ${table} limit 1`);
    }
    await operator.query('select id, username, type, role, created_at from users limit 1');
  });

  test('cannot rewrite a freeze that has ended; no role can', async () => {
    const frozen = await service.post('freeze', { scope: 'function', subject: 'void', reason: 'INC-204' });
    const { id } = frozen.body.data.freeze;
    await service.post('thaw', { freeze_id: id, reason: 'over' });
    const again = { text: 'update freezes set thawed_by = null, thawed_at = null where id = $1', values: [id] };
    for (const client of [operator, service.admin]) {
      await expect(client.query(again)).rejects.toMatchObject({ code: '23001' });
    }
  });

  test('waits for locks, statements and itself for seconds at most', async () => {
    const { rows } = await operator.query(
      "select name, setting from pg_settings where name in ('lock_timeout', 'statement_timeout', 'idle_in_transaction_session_timeout') order by name",
    );
    expect(rows.map(({ setting }) => Number(setting))).toEqual([5_000, 2_000, 5_000]);
  });

  test.each(['money', 'identity', 'reader'] as const)('is the only one that writes the trail: not %s', async (role) => {
    const entry = "insert into audit_trail (action, subject, reason) values ('freeze', 'all', 'x')";
    const code = expect.stringMatching(/^(42501|25006)$/);
    await expect(queryOnce(service.database.urls[role], entry)).rejects.toMatchObject({ code });
  });
});
