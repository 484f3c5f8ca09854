import { Redis } from '@upstash/redis';
import { partsOfThisRun } from './parts-of-this-run.ts';

export type TestRedis = {
  /** Values for UPSTASH_REDIS_REST_URL and UPSTASH_REDIS_REST_TOKEN. */
  readonly url: string;
  readonly token: string;
  /** False when it is the JavaScript substitute. */
  readonly real: boolean;
};

/** An empty logical database of the test file's own: FLUSHALL and SCAN see no other test's keys. */
export async function createTestRedis(): Promise<TestRedis> {
  const { url, token, databaseTokens, real } = partsOfThisRun().redis;
  const counter = new Redis({ url, token, retry: { retries: 0 } });
  const taken = await counter.incr('test-databases-taken');
  const own = databaseTokens[(taken - 1) % databaseTokens.length] ?? token;
  // After all databases were given out, another test file had this one before.
  await new Redis({ url, token: own, retry: { retries: 0 } }).flushdb();
  return { url, token: own, real };
}
