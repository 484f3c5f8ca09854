import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { until } from '../knative/local/scaled-function.ts';
import { GATEWAY_PROOF, gatewayDigestOf, REGULATORS_KEYS, startTestGateway, type TestGateway } from './test-gateway.ts';

const TRANSACTIONS = '/v1/regulator/transactions';
const REPORT = '/v1/regulator/report';
const { ojk, 'bank-indonesia': bankIndonesia } = REGULATORS_KEYS;

interface Entry {
  client_ip: string;
  started_at: number;
  source: string;
  upstream_status: string;
  request: { id: string; method: string; uri: string };
  response: { status: number };
  consumer?: { username: string };
  user_agent?: string;
  purpose_code?: string;
  key_given: boolean;
}

let gate: TestGateway;
const gates: TestGateway[] = [];

const start = async (change = (yaml: string) => yaml) => {
  gate = await startTestGateway((yaml) =>
    change(yaml.replaceAll('max_coalescing_delay: 1', 'max_coalescing_delay: 0.05')),
  );
  gates.push(gate);
};
const stop = () => Promise.all(gates.splice(0).map((each) => each.stop()));
afterEach(stop);

const ask = (path: string, key?: string, headers: Record<string, string> = {}, method = 'GET') =>
  fetch(gate.url + path, { method, headers: { ...(key && { 'x-api-key': key }), 'user-agent': 'a-test', ...headers } });
const entriesOf = (posts = gate.posts) => posts.flatMap(({ body }) => JSON.parse(body.toString()) as Entry[]);
const logged = async (count: number) => {
  await until(`${count} entries`, () => entriesOf().length >= count);
  return entriesOf();
};

describe('what is told about a request', () => {
  beforeEach(() => start((yaml) => yaml.replace(/minute: 100(\s+hour)/, 'minute: 2$1')));

  test('one that was answered: when, who, what for, what and how', async () => {
    const before = Date.now();
    const answer = await ask(`${TRANSACTIONS}?limit=5`, ojk, { 'x-purpose-code': 'SUPERVISION' });
    const [entry, ...more] = await logged(1);
    expect(more).toEqual([]);
    expect(entry).toEqual({
      client_ip: '127.0.0.1',
      started_at: expect.any(Number),
      source: 'upstream',
      upstream_status: '200',
      request: { id: answer.headers.get('x-kong-request-id'), method: 'GET', uri: `${TRANSACTIONS}?limit=5` },
      response: { status: 200 },
      consumer: { username: 'ojk' },
      user_agent: 'a-test',
      purpose_code: 'SUPERVISION',
      key_given: true,
    });
    expect(entry?.started_at).toBeGreaterThanOrEqual(before);
  });

  test('a post is a CloudEvent with a list of entries, under the function’s own host name', async () => {
    await ask(TRANSACTIONS);
    await logged(1);
    const [post] = gate.posts;
    expect(post).toMatchObject({ method: 'POST', path: '/events/record-gateway-access' });
    expect(post?.headers).toMatchObject({
      'content-type': 'application/json',
      'ce-specversion': '1.0',
      'ce-type': 'one-gate.gateway.access-seen',
      'ce-source': '/kong',
      'ce-id': 'gateway',
      'x-gateway-proof': GATEWAY_PROOF,
    });
    expect(JSON.parse(post?.body.toString() ?? '')).toHaveLength(1);
    expect(post?.body.toString()).not.toContain(GATEWAY_PROOF);
  });

  test('whatever the gateway refuses is there, once, as the gateway has counted it', async () => {
    await ask(TRANSACTIONS);
    await ask(TRANSACTIONS, 'ogk_live_unknown');
    await ask(REPORT, bankIndonesia);
    await ask(TRANSACTIONS, bankIndonesia);
    await ask(TRANSACTIONS, bankIndonesia);
    await ask(TRANSACTIONS, bankIndonesia);
    await ask(REPORT, ojk, {}, 'DELETE');
    gate.answer = (_, response) => response.destroy();
    await ask(REPORT, ojk);
    const entries = await logged(8);
    const short = ({ request, response, source, upstream_status: upstream, consumer, key_given: given }: Entry) =>
      [request.method, response.status, source, upstream, consumer?.username, given] as const;
    expect(entries.map(short)).toEqual([
      ['GET', 401, 'kong', '', undefined, false],
      ['GET', 401, 'kong', '', undefined, true],
      ['GET', 403, 'kong', '', 'bank-indonesia', true],
      ['GET', 200, 'upstream', '200', 'bank-indonesia', true],
      ['GET', 200, 'upstream', '200', 'bank-indonesia', true],
      ['GET', 429, 'kong', '', 'bank-indonesia', true],
      ['DELETE', 405, 'kong', '', undefined, true],
      ['GET', 502, 'kong', '502', 'ojk', true],
    ]);
    expect(new Set(entries.map(({ request }) => request.id)).size).toBe(8);
    expect(gate.gateway.counted()).toEqual(
      expect.arrayContaining([
        { route: 'list-regulated-transactions', status: 401, requests: 2 },
        { route: 'regulator-report', status: 403, requests: 1 },
        { route: 'list-regulated-transactions', status: 200, requests: 2 },
        { route: 'list-regulated-transactions', status: 429, requests: 1 },
        { route: 'only-get-regulators', status: 405, requests: 1 },
        { route: 'regulator-report', status: 502, requests: 1 },
      ]),
    );
    expect(gate.gateway.counted().reduce((sum, { requests }) => sum + requests, 0)).toBe(8);
  });

  test('no secret is in what is posted, wherever the caller has put it', async () => {
    const headers = { authorization: `Bearer ${ojk}`, cookie: ojk, 'x-purpose-code': 'AUDIT', 'x-other': ojk };
    await ask(`${TRANSACTIONS}?key=${ojk}&x=1`, ojk, headers);
    const [entry] = await logged(1);
    expect(entry?.request.uri).toBe(`${TRANSACTIONS}?key=ogk_live_...&x=1`);
    const posted = gate.posts.map(({ body, rawHeaders }) => rawHeaders.join() + body.toString()).join();
    expect(posted).not.toContain(ojk);
    expect(posted).not.toContain(gatewayDigestOf(ojk));
    expect(posted).not.toMatch(/authorization|cookie|x-other/i);
  });

  test('a caller who went away before the answer is 499', async () => {
    gate.answer = () => undefined;
    const gone = new AbortController();
    const answer = fetch(gate.url + TRANSACTIONS, { headers: { 'x-api-key': ojk }, signal: gone.signal });
    await until('the function is asked', () => gate.seen.length === 1);
    gone.abort();
    await expect(answer).rejects.toThrow();
    expect((await logged(1))[0]).toMatchObject({ response: { status: 499 }, consumer: { username: 'ojk' } });
    expect(gate.gateway.counted()).toEqual([{ route: 'list-regulated-transactions', status: 499, requests: 1 }]);
  });

  test('other routes tell nothing', async () => {
    await fetch(`${gate.url}/docs`);
    await fetch(`${gate.url}/v1/account`);
    await ask(TRANSACTIONS);
    expect(await logged(1)).toHaveLength(1);
    expect(gate.gateway.counted()).toHaveLength(3);
  });
});

describe('the way to the function', () => {
  test('many go together, fifteen at most, in the order of their ends', async () => {
    await start();
    for (let round = 0; round < 4; round += 1) await Promise.all(Array.from({ length: 10 }, () => ask(TRANSACTIONS)));
    await logged(40);
    const sizes = gate.posts.map((post) => entriesOf([post]).length);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(40);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(15);
    expect(sizes.length).toBeLessThan(20);
  });

  test('a function that is away for a while misses nothing', async () => {
    await start();
    const taken: Entry[] = [];
    let refusals = 3;
    gate.answerPost = (post, response) => {
      refusals -= 1;
      if (refusals === 2) return response.destroy();
      if (refusals >= 0) return response.writeHead(503).end();
      taken.push(...entriesOf([post]));
      return response.writeHead(204).end();
    };
    for (let index = 0; index < 20; index += 1) await ask(`${TRANSACTIONS}?n=${index}`);
    await until('all are taken', () => taken.length === 20);
    expect(taken.map(({ request }) => request.uri)).toEqual(
      Array.from({ length: 20 }, (_, index) => `${TRANSACTIONS}?n=${index}`),
    );
    expect(gate.warned).toEqual([]);
  });

  test('what is not taken in time is lost, and said to be', async () => {
    await start((yaml) => yaml.replaceAll('max_retry_time: 3600', 'max_retry_time: 0.2'));
    gate.answerPost = (_, response) => response.writeHead(500).end();
    await ask(TRANSACTIONS);
    await until('it is said', () => gate.warned.length === 1);
    expect(gate.warned[0]).toMatch(/record-gateway-access.* has not taken 1 log entries in 1 s; they are lost/);
    gate.answerPost = (_, response) => response.writeHead(204).end();
    gate.posts.length = 0;
    await ask(`${TRANSACTIONS}?next`);
    expect((await logged(1)).map(({ request }) => request.uri)).toEqual([`${TRANSACTIONS}?next`]);
  });

  test('stop() sends what waits for company, and what waits for another try', async () => {
    const waiting = (yaml: string) => yaml.replaceAll('max_coalescing_delay: 0.05', 'max_coalescing_delay: 3600');
    await start(waiting);
    await ask(TRANSACTIONS);
    expect(gate.posts).toEqual([]);
    await stop();
    expect(entriesOf()).toHaveLength(1);

    await start((yaml) =>
      yaml.replaceAll(/( +)max_retry_delay: 10/g, '$1max_retry_delay: 3600\n$1initial_retry_delay: 3600'),
    );
    gate.answerPost = (_, response) => response.writeHead(503).end();
    await ask(TRANSACTIONS);
    await until('it was tried', () => gate.posts.length === 1);
    gate.answerPost = (_, response) => response.writeHead(204).end();
    await stop();
    expect(gate.posts).toHaveLength(2);
    expect(gate.warned).toEqual([]);
  });

  test('stop() does not wait for a function that is not coming back, and says what is lost', async () => {
    await start();
    gate.answerPost = (_, response) => response.writeHead(503).end();
    await Promise.all(Array.from({ length: 20 }, () => ask(TRANSACTIONS)));
    const before = Date.now();
    await stop();
    expect(Date.now() - before).toBeLessThan(10_000);
    const lost = gate.warned.map((sentence) => Number(/has not taken (\d+) log entries/.exec(sentence)?.[1]));
    expect(lost.reduce((sum, entries) => sum + entries, 0)).toBe(20);
  });
});
