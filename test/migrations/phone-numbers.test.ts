// Migration 0026 on rows that are older than it.

import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { normalisePhone } from '../../shared/sessions/identifier.ts';
import { openAccount } from '../setup/accounts.ts';
import { connectTestDatabase } from '../setup/database.ts';

let database: Awaited<ReturnType<typeof connectTestDatabase>>;
beforeAll(async () => {
  database = await connectTestDatabase();
});
afterAll(() => database.drop());

/** Stored, and stored after the migration. */
const NUMBERS = [
  ['+6281234567890', '+6281234567890'],
  ['+4407911123456', '+447911123456'],
  ['+20010123456789', '+2010123456789'],
  ['+8809012345678', '+8809012345678'],
  ['+508041234', '+50841234'],
  ['+390612345678', '+390612345678'],
  ['+14155552671', '+14155552671'],
] as const;

test('a trunk zero is removed where it is not part of the number, and nothing else changes', async () => {
  const people = [];
  for (const [stored] of NUMBERS) {
    const { userId } = await openAccount(database.admin);
    await database.admin.query('update users set phone = $2 where id = $1', [userId, stored]);
    people.push(userId);
  }
  const twin = await openAccount(database.admin);
  const taken = await openAccount(database.admin);
  await database.admin.query("update users set phone = '+491701234567' where id = $1", [taken.userId]);
  await database.admin.query("update users set phone = '+4901701234567' where id = $1", [twin.userId]);

  await database.admin.query(
    readFileSync(new URL('../../migrations/0026_phone_numbers_in_one_spelling.sql', import.meta.url), 'utf8'),
  );

  const phoneOf = async (id: string) =>
    (await database.admin.query('select phone from users where id = $1', [id])).rows[0].phone;
  for (const [place, [stored, becomes]] of NUMBERS.entries()) {
    expect([stored, await phoneOf(people[place] ?? '')]).toEqual([stored, becomes]);
  }
  expect([await phoneOf(taken.userId), await phoneOf(twin.userId)]).toEqual(['+491701234567', '+4901701234567']);
  expect(await normalisePhone('+44 (0)7911 123456')).toBe('+447911123456');
});
