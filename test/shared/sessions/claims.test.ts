// Claims and proofs: a number has one owner at a time, even when many prove it at once.

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import pg from 'pg';
import { SERVED_ROLES } from '../../../migrations/run.ts';
import type { Query } from '../../../shared/platform/database/database.ts';
import { type ClaimKind, proveClaim, withdrawProof } from '../../../shared/sessions/claims.ts';
import { openAccount } from '../../setup/accounts.ts';
import { createTestDatabase, type TestDatabase } from '../../setup/database.ts';

let database: TestDatabase;
let admin: pg.Client;
let operator: pg.Client;
let identity: pg.Client;

const connect = async (url: string) => {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  return client;
};

beforeAll(async () => {
  database = await createTestDatabase();
  admin = await connect(database.adminUrl);
  operator = await connect(database.urls.operator);
  identity = await connect(database.urls.identity);
});
afterAll(async () => {
  await Promise.all([admin, operator, identity].map((client) => client.end()));
  await database.drop();
});

const queryOf =
  (client: pg.Client): Query =>
  async (statement) =>
    (await client.query(statement)).rows as never;

const CLAIMS = { email: 'siti@example.test', phone: '+6281234567890' } as const;

/** Users with the same claims. */
async function claimants(count: number): Promise<string[]> {
  await admin.query(
    "update users set email = 'old' || id, phone = 'old' || id, email_verified_at = null, phone_verified_at = null",
  );
  const ids = [];
  for (let person = 0; person < count; person++) {
    const { userId } = await openAccount(admin);
    await admin.query('update users set email = $2, phone = $3 where id = $1', [userId, CLAIMS.email, CLAIMS.phone]);
    ids.push(userId);
  }
  return ids;
}

async function provenBy(kind: ClaimKind): Promise<string[]> {
  const { rows } = await admin.query(`select id from users where ${kind} = $1 and ${kind}_verified_at is not null`, [
    CLAIMS[kind],
  ]);
  return rows.map(({ id }) => id);
}

describe.each(['email', 'phone'] as const)('the %s', (kind) => {
  test('belongs to the user who proves it, and a later proof takes it over', async () => {
    const [first = '', second = ''] = await claimants(2);
    const [bySecond, byFirst] = [queryOf(operator), queryOf(identity)];
    expect(await proveClaim(byFirst, first, kind, CLAIMS[kind])).toEqual({ earlierOwner: undefined });
    expect(await provenBy(kind)).toEqual([first]);
    expect(await provenBy(kind === 'email' ? 'phone' : 'email')).toEqual([]);
    const time = async () =>
      (await admin.query(`select ${kind}_verified_at as time from users where id = $1`, [first])).rows[0].time;
    const proven = await time();
    expect(await proveClaim(byFirst, first, kind, CLAIMS[kind])).toEqual({ earlierOwner: undefined });
    expect(await time()).toEqual(proven);
    expect(await proveClaim(bySecond, second, kind, CLAIMS[kind])).toEqual({ earlierOwner: first });
    expect(await provenBy(kind)).toEqual([second]);
    await withdrawProof(bySecond, second, kind);
    expect(await provenBy(kind)).toEqual([]);
  });

  test('cannot be proven by a user who claims another', async () => {
    const [owner = ''] = await claimants(1);
    const stranger = await openAccount(admin);
    await proveClaim(queryOf(operator), owner, kind, CLAIMS[kind]);
    expect(await proveClaim(queryOf(operator), stranger.userId, kind, CLAIMS[kind])).toBe('not_claimed');
    expect(await provenBy(kind)).toEqual([owner]);
  });

  test('goes to one of many who prove it at once, each taking it from the one before', async () => {
    const people = await claimants(8);
    const clients = await Promise.all(people.map(() => connect(database.urls.identity)));
    const proven = await Promise.all(
      people.map((person, index) => proveClaim(queryOf(clients[index] as pg.Client), person, kind, CLAIMS[kind])),
    );
    await Promise.all(clients.map((client) => client.end()));
    const owners = await provenBy(kind);
    expect(owners).toHaveLength(1);
    const lost = proven.flatMap((each) => (each === 'not_claimed' ? [] : [each.earlierOwner ?? 'nobody']));
    expect([...lost, ...owners].sort()).toEqual([...people, 'nobody'].sort());
  });

  test('cannot be proven for two users, whatever is written', async () => {
    await claimants(2);
    await expect(
      admin.query(`update users set ${kind}_verified_at = now() where ${kind} = $1`, [CLAIMS[kind]]),
    ).rejects.toMatchObject({
      code: '23505',
    });
  });
});

test.each(SERVED_ROLES)('the role %s can prove it only through the function', async (role) => {
  const client = await connect(database.urls[role]);
  const [person = ''] = await claimants(1);
  for (const column of ['email_verified_at', 'phone_verified_at']) {
    await expect(client.query(`update users set ${column} = now() where id = $1`, [person])).rejects.toMatchObject({
      code: expect.stringMatching(/^(42501|25006)$/),
    });
  }
  const prove = client.query("select prove_claim($1, 'phone', $2)", [person, CLAIMS.phone]);
  if (role === 'identity' || role === 'operator') await prove;
  else await expect(prove).rejects.toMatchObject({ code: '42501' });
  await client.end();
});
