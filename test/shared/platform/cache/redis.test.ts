import { type AddressInfo, createServer, type Server } from 'node:net';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { createTestRedis } from '../../../setup/redis.ts';

let deaf: Server;

beforeAll(async () => {
  deaf = createServer(() => undefined);
  await new Promise<void>((resolve) => deaf.listen(0, '127.0.0.1', resolve));
});
afterAll(() => {
  deaf.close();
});

async function client(url: string, token: string) {
  jest.resetModules();
  Object.assign(process.env, { UPSTASH_REDIS_REST_URL: url, UPSTASH_REDIS_REST_TOKEN: token });
  return import('../../../../shared/platform/cache/redis.ts');
}

test('values come back as they were written, even those that look like numbers', async () => {
  const { url, token } = await createTestRedis();
  const { askRedis } = await client(url, token);
  for (const value of ['007', '1.0', '9007199254740993', 'null', '{"a":1}', 'é😀', 'T0s=']) {
    await askRedis((redis) => redis.set('key', value));
    expect(await askRedis((redis) => redis.get('key'))).toBe(value);
  }
});

test('a failure never shows the command, its arguments or the token', async () => {
  const { url, token } = await createTestRedis();
  const { askRedis } = await client(url, token);
  const secret = 'SECRET-password';
  await askRedis((redis) => redis.set('key', 'text'));
  const failures = [
    askRedis((redis) => redis.eval(`return redis.error_reply('ERR ${secret}')`, [secret], [secret])),
    askRedis((redis) => redis.lpush('key', secret)),
    askRedis((redis) => redis.pipeline().lpush('key', secret).exec()),
    (await client(url, secret)).askRedis((redis) => redis.get(secret)),
    (await client('http://127.0.0.1:1', secret)).askRedis((redis) => redis.get(secret)),
  ];
  for (const failure of await Promise.allSettled(failures)) {
    const { reason } = failure as PromiseRejectedResult;
    expect([failure.status, reason.name]).toEqual(['rejected', 'CacheError']);
    expect(JSON.stringify([reason.message, reason.stack, reason.cause ?? ''])).not.toContain(secret);
  }
  expect(failures).toHaveLength(5);
});

test('a Redis that does not answer is given half a second, and asked once', async () => {
  let asked = 0;
  deaf.on('connection', () => asked++);
  const { askRedis } = await client(`http://127.0.0.1:${(deaf.address() as AddressInfo).port}`, 'token');
  const started = performance.now();
  await expect(askRedis((redis) => redis.incr('key'))).rejects.toThrow('no answer within 500 ms');
  expect(performance.now() - started).toBeLessThan(2_000);
  expect(asked).toBe(1);
});
