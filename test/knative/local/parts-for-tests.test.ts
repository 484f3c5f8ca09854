import { afterAll, describe, expect, test } from '@jest/globals';
import { Redis } from '@upstash/redis';
import pg from 'pg';
import { createTestDatabase } from '../../setup/database.ts';
import { createTestTopic, testBrokers } from '../../setup/kafka.ts';
import { createTestRedis } from '../../setup/redis.ts';

const database = await createTestDatabase();
afterAll(() => database.drop());

test('every role of the product opens the clone of the migrated database', async () => {
  for (const [role, url] of Object.entries(database.urls)) {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    const { rows } = await client.query('select current_user as role, current_database() as name');
    await client.end();
    expect(rows).toEqual([{ role: `one_gate_${role}`, name: database.name }]);
  }
});

test('test files do not see each other in Redis', async () => {
  const [mine, theirs] = [new Redis(await createTestRedis()), new Redis(await createTestRedis())];
  await mine.set('seen', 'by me');
  await theirs.set('seen', 'by them');
  await theirs.flushall();
  expect(await mine.get('seen')).toBe('by me');
  expect(await theirs.get('seen')).toBeNull();
});

(testBrokers() ? describe : describe.skip)('with Kafka', () => {
  test('a topic gets a unique name', async () => {
    const [one, other] = await Promise.all([
      createTestTopic('one-gate.payments'),
      createTestTopic('one-gate.payments'),
    ]);
    expect(one).toMatch(/^one-gate\.payments\.[0-9a-f]{12}$/);
    expect(one).not.toBe(other);
  });
});
