import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createTestRedis } from '../setup/redis.ts';
import { startTestGateway, type TestGateway } from './test-gateway.ts';

/** Three a minute wherever the gateway allows more, so that a test need not send hundreds. */
const three = (yaml: string) =>
  yaml.replaceAll(/minute: \d+/g, 'minute: 3').replaceAll(/timeout: 200\b/g, 'timeout: 2000');

let gates: TestGateway[] = [];

const startChanged = async (change: (yaml: string) => string, redis?: { url: string; token: string }) => {
  const gate = await startTestGateway((yaml) => change(three(yaml)), redis);
  gates.push(gate);
  return gate;
};
const start = (redis?: { url: string; token: string }) => startChanged((yaml) => yaml, redis);

beforeEach(async () => {
  // The windows are the calendar's: a test that began in the last seconds of a minute would count in two.
  const left = 60 - (Math.floor(Date.now() / 1000) % 60);
  if (left < 5) await new Promise((resolve) => setTimeout(resolve, left * 1000));
});
afterEach(async () => {
  await Promise.all(gates.map((gate) => gate.stop()));
  gates = [];
});

const login = (gate: TestGateway) => fetch(`${gate.url}/v1/login`, { method: 'POST', body: '{}' });
const account = async (gate: TestGateway, sub: string) =>
  fetch(`${gate.url}/v1/account`, { headers: { authorization: `Bearer ${await gate.token({ sub })}` } });

async function statuses(count: number, ask: () => Promise<Response>): Promise<number[]> {
  const all: number[] = [];
  for (let index = 0; index < count; index += 1) all.push((await ask()).status);
  return all;
}

describe('limits', () => {
  test('a request beyond the limit of its address is 429, with Kong’s headers and the time to wait', async () => {
    const gate = await start();
    const first = await login(gate);
    expect(Object.fromEntries(first.headers)).toMatchObject({
      'ratelimit-limit': '3',
      'ratelimit-remaining': '2',
      'x-ratelimit-limit-minute': '3',
      'x-ratelimit-remaining-minute': '2',
    });
    expect(Number(first.headers.get('ratelimit-reset'))).toBeLessThanOrEqual(60);
    expect(await statuses(2, () => login(gate))).toEqual([200, 200]);
    const refused = await login(gate);
    expect(refused.status).toBe(429);
    expect(refused.headers.get('ratelimit-remaining')).toBe('0');
    expect(refused.headers.get('retry-after')).toBe(refused.headers.get('ratelimit-reset'));
    expect(await refused.json()).toMatchObject({ code: 'rate_limited', status: 429 });
    expect(gate.seen).toHaveLength(3);
  });

  test('each user has a limit of their own, from any address', async () => {
    const gate = await start();
    expect(await statuses(4, () => account(gate, '1'))).toEqual([200, 200, 200, 429]);
    expect((await account(gate, '2')).status).toBe(200);
  });

  test('a forged token uses up no limit', async () => {
    const gate = await start();
    const other = await start();
    const forged = await other.token({ sub: '1' });
    const ask = () => fetch(`${gate.url}/v1/account`, { headers: { authorization: `Bearer ${forged}` } });
    expect(await statuses(5, ask)).toEqual([401, 401, 401, 401, 401]);
    expect((await account(gate, '1')).status).toBe(200);
  });

  test('limits are counted per route, and for all gateways together', async () => {
    const redis = await createTestRedis();
    const [one, other] = [await start(redis), await start(redis)];
    expect(await statuses(2, () => login(one))).toEqual([200, 200]);
    expect(await statuses(2, () => login(other))).toEqual([200, 429]);
    expect((await fetch(`${one.url}/v1/register`, { method: 'POST', body: '{}' })).status).toBe(200);
  });

  test('requests at the same time are counted one by one', async () => {
    const gate = await start();
    const answers = await Promise.all(Array.from({ length: 20 }, () => login(gate)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(3);
  });

  const payees = async (gate: TestGateway) =>
    fetch(`${gate.url}/v1/payees?username=ayu`, { headers: { authorization: `Bearer ${await gate.token()}` } });

  test.each<[string, () => Promise<TestGateway>]>([
    ['is away', () => start({ url: 'http://127.0.0.1:1', token: 'none' })],
    ['has another password', async () => start({ url: (await createTestRedis()).url, token: 'wrong' })],
    ['is told no password', () => startChanged((yaml) => yaml.replaceAll(/\n +password: .*/g, ''))],
    ['gets the name of a missing password', () => startChanged((yaml) => yaml.replaceAll('env/redis-p', 'env/p'))],
  ])(
    'where Redis %s, logins pass uncounted, lookups of payees are refused, and a sentence says so',
    async (_what, begin) => {
      const gate = await begin();
      const passed = await login(gate);
      expect(passed.status).toBe(200);
      expect(passed.headers.get('ratelimit-limit')).toBeNull();
      expect(await statuses(4, () => login(gate))).toEqual([200, 200, 200, 200]);
      const refused = await payees(gate);
      expect(refused.status).toBe(500);
      expect(await refused.json()).toMatchObject({ code: 'internal_error' });
      expect(gate.seen).toHaveLength(5);
      expect(gate.warned).toEqual([
        expect.stringMatching(/^Limits of routes login cannot be counted \(.+\): requests pass without limits\.$/),
        expect.stringMatching(/^Limits of routes find-payee cannot be counted \(.+\): requests are refused\.$/),
      ]);
    },
  );

  test('with the password that kong.yaml refers to, both are counted', async () => {
    const gate = await start();
    expect(await statuses(4, () => login(gate))).toEqual([200, 200, 200, 429]);
    expect(await statuses(4, () => payees(gate))).toEqual([200, 200, 200, 429]);
    expect(gate.warned).toEqual([]);
  });
});
