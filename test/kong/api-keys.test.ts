import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { gatewayDigestOf, PUBLIC_URL, REGULATORS_KEYS, startTestGateway, type TestGateway } from './test-gateway.ts';

const TRANSACTIONS = '/v1/regulator/transactions';
const REPORT = '/v1/regulator/report';
const { ojk, 'bank-indonesia': bankIndonesia } = REGULATORS_KEYS;

const ask = (gate: TestGateway, path: string, key?: string, headers: Record<string, string> = {}) =>
  fetch(gate.url + path, { headers: { ...(key !== undefined && { 'x-api-key': key }), ...headers } });

describe('keys', () => {
  let gate: TestGateway;
  beforeAll(async () => {
    gate = await startTestGateway();
  });
  afterAll(() => gate.stop());
  afterEach(() => {
    gate.seen.length = 0;
  });

  const refused = async (answer: Response, status: number) => {
    expect(answer.status).toBe(status);
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
    expect(gate.seen).toEqual([]);
    return answer.json();
  };

  test('with a regulator’s key a request reaches its function, which learns the consumer and checks the key again', async () => {
    const answer = await ask(gate, `${TRANSACTIONS}?limit=5`, ojk, { 'x-purpose-code': 'SUPERVISION' });
    expect(answer.status).toBe(200);
    const [seen] = gate.seen;
    expect(seen).toMatchObject({ method: 'GET', path: `${TRANSACTIONS}?limit=5` });
    expect(seen?.headers).toMatchObject({
      host: 'regulators.one-gate.svc.cluster.local',
      'x-api-key': ojk,
      'x-purpose-code': 'SUPERVISION',
      'x-consumer-username': 'ojk',
      'x-consumer-custom-id': 'ojk',
    });
    expect(Object.keys(seen?.headers ?? {})).not.toContain('x-api-key-digest');
    expect(Object.keys(seen?.headers ?? {})).not.toContain('x-consumer-groups');
  });

  test.each([
    ['none', undefined],
    ['an unknown one', 'ogk_live_unknown'],
    ['an empty one', ''],
    ['its digest instead of it', gatewayDigestOf(ojk)],
  ])('%s is 401, the challenge names the header, and no function wakes', async (_what, key) => {
    const answer = await ask(gate, TRANSACTIONS, key);
    expect(answer.headers.get('www-authenticate')).toBe('Key realm="one-gate"');
    expect(await refused(answer, 401)).toEqual({
      type: `${PUBLIC_URL}/errors/api_key_required`,
      title: 'A valid API key is required',
      status: 401,
      code: 'api_key_required',
      detail: 'Send X-API-Key with the key that One Gate has issued to you, and X-Purpose-Code.',
      request_id: answer.headers.get('x-request-id'),
    });
  });

  test('two keys in one request are refused', async () => {
    const lines = [`GET ${TRANSACTIONS} HTTP/1.1`, 'Host: gate', 'Connection: close', `X-API-Key: ${ojk}`];
    expect(await gate.raw([...lines, `X-API-Key: ${ojk}`, '', ''].join('\r\n'))).toMatch(/^HTTP\/1.1 401 /);
    expect(gate.seen).toEqual([]);
  });

  test('a digest of the caller’s own counts for nothing, alone or beside a key', async () => {
    const digest = { 'x-api-key-digest': gatewayDigestOf(ojk) };
    await refused(await ask(gate, TRANSACTIONS, undefined, digest), 401);
    await refused(await ask(gate, TRANSACTIONS, 'ogk_live_unknown', digest), 401);
  });

  test('a key in the address is not taken, and a digest there does not reach the function', async () => {
    await refused(await ask(gate, `${TRANSACTIONS}?x-api-key=${ojk}&apikey=${ojk}`), 401);
    await refused(await ask(gate, `${TRANSACTIONS}?x-api-key-digest=${gatewayDigestOf(ojk)}`), 401);
    await ask(gate, `${TRANSACTIONS}?limit=5&x-api-key-digest=x&type=PAYMENT`, ojk);
    await ask(gate, `${TRANSACTIONS}?x-api-key-digest=x`, ojk);
    expect(gate.seen.map(({ path }) => path)).toEqual([`${TRANSACTIONS}?limit=5&type=PAYMENT`, TRANSACTIONS]);
  });

  test('a token is no key, and a key is no token', async () => {
    const authorization = `Bearer ${await gate.token()}`;
    await refused(await ask(gate, TRANSACTIONS, undefined, { authorization }), 401);
    await refused(await ask(gate, '/v1/account', ojk), 401);
  });

  test('a regulator without reports is 403, whatever consumer its headers name', async () => {
    const sly = { 'x-consumer-groups': 'read-reports', 'x-consumer-username': 'ojk' };
    expect(await refused(await ask(gate, REPORT, bankIndonesia, sly), 403)).toMatchObject({
      code: 'not_permitted',
      title: 'This key may not do that',
    });
    expect((await ask(gate, REPORT, ojk)).status).toBe(200);
  });

  test.each(['/v1/regulator/access-log', '/v1/regulator/openapi.json', '/v1/regulator/samples/page.json'])(
    '%s is for every regulator, and for no other caller',
    async (path) => {
      for (const key of [ojk, bankIndonesia]) expect((await ask(gate, path, key)).status).toBe(200);
      expect((await ask(gate, path)).status).toBe(401);
    },
  );

  test('another method is 405 without a key', async () => {
    const answer = await fetch(gate.url + REPORT, { method: 'POST' });
    expect(answer.status).toBe(405);
    expect(answer.headers.get('allow')).toBe('GET, HEAD');
  });
});

describe('limits', () => {
  let gate: TestGateway;
  beforeEach(async () => {
    const left = 60 - (Math.floor(Date.now() / 1000) % 60);
    if (left < 5) await new Promise((resolve) => setTimeout(resolve, left * 1000));
    gate = await startTestGateway((yaml) =>
      yaml
        .replace(/minute: 100(\s+)hour: 1000(\s+)day: 10000/, 'minute: 3$1hour: 5$2day: 6')
        .replaceAll(/timeout: 200\b/g, 'timeout: 2000'),
    );
  });
  afterEach(() => gate.stop());

  test('a regulator has three windows over all routes together, sees the rest of each, and is told which one it used up', async () => {
    const first = await ask(gate, TRANSACTIONS, bankIndonesia);
    expect(Object.fromEntries(first.headers)).toMatchObject({
      'ratelimit-limit': '3',
      'ratelimit-remaining': '2',
      'x-ratelimit-limit-minute': '3',
      'x-ratelimit-remaining-minute': '2',
      'x-ratelimit-limit-hour': '5',
      'x-ratelimit-remaining-hour': '4',
      'x-ratelimit-limit-day': '6',
      'x-ratelimit-remaining-day': '5',
    });
    expect((await ask(gate, '/v1/regulator/access-log', bankIndonesia)).status).toBe(200);
    expect((await ask(gate, '/v1/regulator/openapi.json', bankIndonesia)).status).toBe(200);

    // A refused request counts, too: a caller who goes on long enough uses up the hour, and then the day.
    const policies: unknown[] = [];
    for (let index = 0; index < 4; index += 1) {
      const answer = await ask(gate, TRANSACTIONS, bankIndonesia);
      expect(answer.status).toBe(429);
      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
      const said = (await answer.json()) as Record<string, unknown>;
      expect(said).toMatchObject({ code: 'rate_limited', request_id: answer.headers.get('x-request-id') });
      policies.push(said['policy']);
    }
    expect(policies).toEqual([
      { name: 'minute', limit: 3, window_seconds: 60 },
      { name: 'minute', limit: 3, window_seconds: 60 },
      { name: 'hour', limit: 5, window_seconds: 3600 },
      { name: 'day', limit: 6, window_seconds: 86400 },
    ]);
    expect(gate.seen).toHaveLength(3);
  });

  test('one regulator does not use up another’s limit, and a request without a key uses up none', async () => {
    for (let index = 0; index < 5; index += 1) await ask(gate, TRANSACTIONS, bankIndonesia);
    for (let index = 0; index < 5; index += 1) await ask(gate, TRANSACTIONS);
    const answer = await ask(gate, TRANSACTIONS, ojk);
    expect(answer.status).toBe(200);
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'x-ratelimit-limit-minute': '200',
      'x-ratelimit-remaining-minute': '199',
      'x-ratelimit-limit-hour': '2000',
      'x-ratelimit-limit-day': '20000',
    });
  });

  test('other routes name the limit that was used up, too', async () => {
    const login = () => fetch(`${gate.url}/v1/login`, { method: 'POST', body: '{}' });
    await Promise.all(Array.from({ length: 60 }, login));
    expect(await (await login()).json()).toMatchObject({
      code: 'rate_limited',
      policy: { name: 'minute', limit: 60, window_seconds: 60 },
    });
  });
});

describe('replacing keys', () => {
  test('takes effect with the next request, and not at all when one of the keys cannot be used', async () => {
    const gate = await startTestGateway();
    const status = async (key: string) => (await ask(gate, TRANSACTIONS, key)).status;
    const keysOf = (...keys: string[]) => keys.map((key) => ({ consumer: 'ojk', digest: gatewayDigestOf(key) }));

    gate.gateway.replaceApiKeys(keysOf(ojk, 'ogk_live_next'));
    expect([await status(ojk), await status('ogk_live_next'), await status(bankIndonesia)]).toEqual([200, 200, 401]);
    gate.gateway.replaceApiKeys(keysOf('ogk_live_next'));
    expect([await status(ojk), await status('ogk_live_next')]).toEqual([401, 200]);

    expect(() => gate.gateway.replaceApiKeys([{ consumer: 'nobody', digest: 'a'.repeat(40) }])).toThrow(
      'kong.yaml has no consumer nobody that takes API keys.',
    );
    expect(() => gate.gateway.replaceApiKeys([{ consumer: 'ojk', digest: 'a' }])).toThrow(/not 40 hex digits/);
    expect(await status('ogk_live_next')).toBe(200);
    await gate.stop();
  });
});
