import { expect, test } from '@jest/globals';
import { argon2id, hash } from 'argon2';
import { hashPassword, needsRehash, verifyPassword } from '../../../shared/passwords/hash.ts';

const PASSWORD = 'kuda putih di tepi danau';

test('a password belongs to its own hash only, and two hashes of it differ', async () => {
  const [one, other] = await Promise.all([hashPassword(PASSWORD), hashPassword(PASSWORD)]);
  expect(one).not.toBe(other);
  expect(one).toMatch(/^\$argon2id\$v=19\$m=7168,t=5,p=1\$[\w+/]{22}\$[\w+/]{43}$/);
  expect(await verifyPassword(one, PASSWORD)).toBe(true);
  expect(await verifyPassword(one, `${PASSWORD} `)).toBe(false);
  expect(await verifyPassword(undefined, PASSWORD)).toBe(false);
  expect(await verifyPassword(undefined, '')).toBe(false);
  expect(await verifyPassword('no hash at all', 'no hash at all')).toBe(false);
});

test('the library reads our hashes, and we read its hashes', async () => {
  const theirs = await hash(PASSWORD, { type: argon2id, memoryCost: 7_168, timeCost: 5, parallelism: 1 });
  expect(await verifyPassword(theirs, PASSWORD)).toBe(true);
  expect(await needsRehash(theirs)).toBe(false);
  expect(await needsRehash(await hashPassword(PASSWORD))).toBe(false);
  expect(
    await needsRehash(await hash(PASSWORD, { type: argon2id, memoryCost: 19_456, timeCost: 2, parallelism: 1 })),
  ).toBe(true);
});

test('beyond a full queue callers are refused at once, and those who wait are served', async () => {
  const results = await Promise.allSettled(Array.from({ length: 70 }, () => verifyPassword(undefined, PASSWORD)));
  const refused = results.filter((result) => result.status === 'rejected');
  expect(refused.length).toBeGreaterThanOrEqual(70 - 50 - 3);
  for (const { reason } of refused) expect(reason).toMatchObject({ code: 'service_unavailable' });
  expect(results.length - refused.length).toBeGreaterThan(50);
  expect(await verifyPassword(undefined, PASSWORD)).toBe(false);
});
