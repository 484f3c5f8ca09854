import { randomUUID } from 'node:crypto';
import { beforeAll, expect, jest, test } from '@jest/globals';
import type { Measure, Quota } from '../../../../shared/platform/cache/throttle.ts';
import { createTestRedis } from '../../../setup/redis.ts';

const QUOTA: Quota = { name: 'guess', limit: 3, windowSeconds: 60 };

let redis: { url: string; token: string };

beforeAll(async () => {
  redis = await createTestRedis();
  process.env['LOG_LEVEL'] = 'silent';
});

async function instance(url = redis.url) {
  jest.resetModules();
  Object.assign(process.env, { UPSTASH_REDIS_REST_URL: url, UPSTASH_REDIS_REST_TOKEN: redis.token });
  return import('../../../../shared/platform/cache/throttle.ts');
}

const somebody = (quota = QUOTA): Measure => ({ quota, subject: randomUUID() });
const RATE_LIMITED = expect.objectContaining({ code: 'rate_limited' });

for (const [where, url] of [
  ['Redis', undefined],
  ['the instance alone, while Redis is away', 'http://127.0.0.1:1'],
] as const) {
  test(`as many attempts are allowed as the quota says, counted by ${where}`, async () => {
    const { throttle } = await instance(url);
    const measure = somebody();
    const results = await Promise.allSettled(Array.from({ length: 8 }, () => throttle([measure])));
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(3);
    await expect(throttle([measure])).rejects.toEqual(RATE_LIMITED);
    await throttle([somebody()]);
  });

  test(`an attempt can be taken back and a count be cleared, by ${where}`, async () => {
    const { throttle } = await instance(url);
    const measure = somebody();
    await throttle([measure]);
    await throttle([measure]);
    const third = await throttle([measure]);
    await third.giveBack(measure);
    await throttle([measure]);
    await expect(throttle([measure])).rejects.toEqual(RATE_LIMITED);
    await third.clear(measure);
    await throttle([measure]);
  });

  test(`an attempt that one quota denies counts against no other, by ${where}`, async () => {
    const { throttle } = await instance(url);
    const [narrow, wide] = [somebody({ ...QUOTA, limit: 1 }), somebody({ name: 'wide', limit: 3, windowSeconds: 600 })];
    await throttle([narrow, wide]);
    for (let attempt = 0; attempt < 5; attempt++) {
      await expect(throttle([narrow, wide])).rejects.toMatchObject({
        details: { members: { policy: { name: 'guess', limit: 1, window_seconds: 60 } } },
      });
    }
    await throttle([wide]);
    await throttle([wide]);
    await expect(throttle([wide])).rejects.toEqual(RATE_LIMITED);
  });

  test(`an attempt makes room again when it leaves the window, by ${where}`, async () => {
    const { throttle } = await instance(url);
    const measure = somebody({ name: 'quick', limit: 1, windowSeconds: 1 });
    await throttle([measure]);
    let allowed = 0;
    let denied = 0;
    const limit = performance.now() + 5_000;
    while (allowed === 0 && performance.now() < limit) {
      await throttle([measure]).then(
        () => allowed++,
        () => denied++,
      );
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(denied).toBeGreaterThan(0);
    expect(allowed).toBe(1);
  });
}

test('the headers are those of the RateLimit draft, one item for each quota', async () => {
  const { throttle } = await instance();
  const [one, other] = [somebody(), somebody({ name: 'address', limit: 100, windowSeconds: 30 })];
  const { headers } = await throttle([one, other]);
  expect(headers['ratelimit-policy']).toBe('"guess";q=3;w=60, "address";q=100;w=30');
  expect(headers['ratelimit']).toBe('"guess";r=2;t=60, "address";r=99;t=30');
  await throttle([one]);
  await throttle([one]);
  const refusal = await throttle([one, other]).catch((error) => error.details.headers);
  expect(refusal['ratelimit']).toMatch(/^"guess";r=0;t=\d+, "address";r=99;t=30$/);
  expect(Number(refusal['retry-after'])).toBeGreaterThan(50);
  expect(Number(refusal['retry-after'])).toBeLessThanOrEqual(60);
});

test('instances count together, and denied attempts do not prolong the wait', async () => {
  const measure = somebody();
  await (await instance()).throttle([measure]);
  const { throttle } = await instance();
  await throttle([measure]);
  await throttle([measure]);
  const waits: number[] = [];
  for (let attempt = 0; attempt < 5; attempt++) {
    const { headers } = await throttle([measure]).catch((error) => error.details);
    waits.push(Number(headers['retry-after']));
  }
  expect(waits.every((wait) => wait <= (waits[0] ?? 0))).toBe(true);
});

test('a flood of subjects does not fill the memory while Redis is away', async () => {
  const { countLocally } = await import('../../../../shared/platform/cache/local-count.ts');
  for (let index = 0; index < 30_000; index++) countLocally(`flood-${index}`, QUOTA);
  // The oldest subject has been forgotten, the newest is known.
  expect(countLocally('flood-0', QUOTA).remaining).toBe(2);
  expect(countLocally('flood-29999', QUOTA).remaining).toBe(1);
});
