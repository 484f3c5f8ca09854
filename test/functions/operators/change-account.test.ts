import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { brokenPromises } from '../../setup/accounts.ts';
import { GOPAY_CLEARING } from '../../setup/gopay-accounts.ts';
import { pastTheDatabase } from '../../setup/past-the-database.ts';
import type { Person } from '../wallet/wallet-service.ts';
import { type OperatorsService, serveOperators } from './operators-service.ts';

let service: OperatorsService;

beforeAll(async () => {
  service = await serveOperators();
});
afterAll(async () => {
  expect(await brokenPromises(service.admin)).toEqual([]);
  await service.close();
});

const NOTHING_PROVEN = { verified_at: null, email_verified_at: null, phone_verified_at: null };

const change = (of: Person, wish: object, reason = 'CASE-881') =>
  service.post('account', { account_id: of.accountId, ...wish, reason });

async function rowOf({ accountId }: Person) {
  const { rows } = await service.admin.query(
    'select account_status, verified_at, updated_at, version from accounts where id = $1',
    [accountId],
  );
  return rows[0];
}

test('an account is suspended and revived, by its owner’s username or its id, and both are in the trail', async () => {
  const siti = await service.openWallet({ username: 'siti', balance: '1000.00' });
  const before = await rowOf(siti);
  const { status, body } = await service.post('account', {
    username: 'Siti',
    status: 'SUSPENDED',
    reason: 'stolen phone',
  });
  expect(status).toBe(200);
  expect(body.data.account).toEqual({
    id: siti.accountId,
    username: 'siti',
    status: 'SUSPENDED',
    verified_at: null,
    email_verified_at: null,
    phone_verified_at: null,
    updated_at: expect.any(String),
  });
  const after = await rowOf(siti);
  expect(after).toMatchObject({ account_status: 'SUSPENDED', version: before.version });
  expect(after.updated_at.getTime()).toBeGreaterThanOrEqual(before.updated_at.getTime());
  expect((await change(siti, { status: 'ACTIVE' }, 'phone is back')).body.data.account.status).toBe('ACTIVE');
  expect((await service.trail()).slice(-2)).toEqual([
    {
      actor: service.nadia.userId,
      action: 'change-account',
      subject: `account:${siti.accountId}`,
      reason: 'stolen phone',
      detail: JSON.stringify({
        before: { status: 'ACTIVE', ...NOTHING_PROVEN },
        after: { status: 'SUSPENDED', ...NOTHING_PROVEN },
      }),
    },
    {
      actor: service.nadia.userId,
      action: 'change-account',
      subject: `account:${siti.accountId}`,
      reason: 'phone is back',
      detail: JSON.stringify({
        before: { status: 'SUSPENDED', ...NOTHING_PROVEN },
        after: { status: 'ACTIVE', ...NOTHING_PROVEN },
      }),
    },
  ]);
});

test('a person is verified and no longer verified; a repetition keeps the first time', async () => {
  const person = await service.openWallet();
  const first = (await change(person, { verified: true })).body.data.account.verified_at;
  expect(Date.parse(first)).not.toBeNaN();
  const length = (await service.trail()).length;
  expect((await change(person, { verified: true, status: 'ACTIVE' })).body.data.account.verified_at).toBe(first);
  expect(await service.trail()).toHaveLength(length);
  // Suspending does not change it.
  expect((await change(person, { status: 'SUSPENDED' })).body.data.account.verified_at).toBe(first);
  expect((await change(person, { verified: false })).body.data.account.verified_at).toBeNull();
});

describe('an e-mail address and a phone number', () => {
  const claims = async (person: Person, phone: string, email: string) =>
    service.admin.query('update users set phone = $2, email = $3 where id = $1', [person.userId, phone, email]);

  test('is proven when an operator has seen the proof, and unproven again when that was a mistake', async () => {
    const person = await service.openWallet();
    await claims(person, '+6281200001111', 'siti@example.test');
    const { body } = await change(person, { proven_phone: '0812-0000-1111', proven_email: ' Siti@Example.Test' });
    const { phone_verified_at: phone, email_verified_at: email } = body.data.account;
    expect([Date.parse(phone), Date.parse(email)]).toEqual([expect.any(Number), expect.any(Number)]);
    expect((await service.trail()).at(-1)).toMatchObject({
      subject: `account:${person.accountId}`,
      detail: JSON.stringify({
        before: { status: 'ACTIVE', ...NOTHING_PROVEN },
        after: { status: 'ACTIVE', verified_at: null, email_verified_at: email, phone_verified_at: phone },
      }),
    });

    const length = (await service.trail()).length;
    expect((await change(person, { proven_phone: '+6281200001111' })).body.data.account.phone_verified_at).toBe(phone);
    expect(await service.trail()).toHaveLength(length);

    const taken = await change(person, { proven_phone: null });
    expect(taken.body.data.account).toMatchObject({ phone_verified_at: null, email_verified_at: email });
    expect(await service.trail()).toHaveLength(length + 1);
  });

  test('are taken over from the user who had proven them, and both sides are in the trail', async () => {
    const [old, next] = [await service.openWallet(), await service.openWallet()];
    await claims(old, '+6281200002222', 'old@example.test');
    await claims(next, '+6281200002222', 'next@example.test');
    await change(old, { proven_phone: '081200002222' });
    expect((await change(next, { proven_phone: '081200002222' }, 'SIM card seen')).status).toBe(200);
    const { rows } = await service.admin.query(
      'select id from users where phone = $1 and phone_verified_at is not null',
      ['+6281200002222'],
    );
    expect(rows).toEqual([{ id: next.userId }]);
    expect((await service.trail()).slice(-2)).toMatchObject([
      {
        subject: `account:${old.accountId}`,
        reason: 'SIM card seen',
        detail: JSON.stringify({ lost: 'phone', taken_over_by: `account:${next.accountId}` }),
      },
      { subject: `account:${next.accountId}`, reason: 'SIM card seen' },
    ]);
  });

  test('that the owner has not registered prove nothing, and change nothing', async () => {
    const person = await service.openWallet();
    for (const wish of [{ proven_phone: '+6281200003333' }, { proven_email: 'somebody@example.test' }]) {
      const { status, body } = await change(person, { ...wish, status: 'SUSPENDED' });
      expect([status, body.code, body.errors]).toEqual([
        404,
        'claim_not_found',
        [{ pointer: `/${Object.keys(wish)[0]}`, detail: 'must equal the one that the owner registered' }],
      ]);
    }
    expect((await rowOf(person)).account_status).toBe('ACTIVE');
  });

  test('of a closed account cannot be proven', async () => {
    const person = await service.openWallet({ status: 'CLOSED' });
    expect((await change(person, { proven_phone: '+6281200003333' })).body.code).toBe('account_closed_for_good');
  });
});

describe('closing', () => {
  test('an empty account is closed for good, suspended or not', async () => {
    for (const status of ['ACTIVE', 'SUSPENDED']) {
      const person = await service.openWallet({ status });
      expect((await change(person, { status: 'CLOSED' })).body.data.account.status).toBe('CLOSED');
      expect((await change(person, { status: 'CLOSED' })).status).toBe(200);
      for (const wish of [{ status: 'ACTIVE' }, { status: 'SUSPENDED' }, { verified: true }]) {
        const { status, body } = await change(person, wish);
        expect([status, body.code]).toEqual([409, 'account_closed_for_good']);
      }
    }
  });

  test.each([
    ['a balance', 'set balance = 5', { balance: '5.00', held: '0.00', pending: '0.00' }],
    ['something held', 'set balance = 5, held = 5', { balance: '5.00', held: '5.00', pending: '0.00' }],
    ['something on its way', 'set pending = 7', { balance: '0.00', held: '0.00', pending: '7.00' }],
  ])('%s prevents it, and stays', async (_what, set, amounts) => {
    const person = await service.openWallet();
    await pastTheDatabase(service.admin, `update accounts ${set} where id = $1`, [person.accountId]);
    const before = await service.trail();
    const { status, body } = await change(person, { status: 'CLOSED' });
    expect([status, body.code]).toEqual([409, 'account_not_empty']);
    expect(body).toMatchObject(amounts);
    expect((await rowOf(person)).account_status).toBe('ACTIVE');
    expect(await service.trail()).toEqual(before);
    await expect(
      service.admin.query("update accounts set account_status = 'CLOSED' where id = $1", [person.accountId]),
    ).rejects.toMatchObject({ constraint: 'closed_accounts_are_empty' });
    await pastTheDatabase(service.admin, 'update accounts set balance = 0, held = 0, pending = 0 where id = $1', [
      person.accountId,
    ]);
  });
});

test('many equal changes at once change it once', async () => {
  const person = await service.openWallet();
  const before = (await service.trail()).length;
  const answers = await Promise.all(Array.from({ length: 10 }, () => change(person, { status: 'SUSPENDED' })));
  expect(answers.map(({ status }) => status)).toEqual(Array(10).fill(200));
  expect(await service.trail()).toHaveLength(before + 1);
});

test.each([
  ['the platform’s own account', { account_id: GOPAY_CLEARING }],
  ['an unknown account', { account_id: randomUUID() }],
  ['an unknown user', { username: 'no_such_user' }],
])('%s cannot be changed', async (_what, name) => {
  const { status, body } = await service.post('account', { ...name, status: 'SUSPENDED', reason: 'CASE-881' });
  expect([status, body.code]).toEqual([404, 'wallet_not_found']);
});

test.each([
  [{ status: 'SUSPENDED', reason: 'x' }, '', 'must have exactly one of account_id and username'],
  [
    { username: 'siti', account_id: randomUUID(), status: 'ACTIVE', reason: 'x' },
    '',
    'must have exactly one of account_id and username',
  ],
  [{ username: 'siti', reason: 'x' }, '', 'must have at least one of status, verified, proven_email and proven_phone'],
  [{ username: 'siti', status: 'FROZEN', reason: 'x' }, '/status', 'must be ("ACTIVE" | "SUSPENDED" | "CLOSED")'],
  [{ username: 'siti', verified: 'yes', reason: 'x' }, '/verified', 'must be boolean'],
  [{ username: 'siti', status: 'ACTIVE' }, '/reason', 'must be "reason"'],
])('%j is refused', async (body, pointer, detail) => {
  const answer = await service.post('account', body);
  expect(answer.status).toBe(422);
  expect(answer.body.errors).toEqual([{ pointer, detail }]);
});
