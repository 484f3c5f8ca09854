import { createServer } from 'node:net';
import { networkInterfaces } from 'node:os';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Redis, type RedisConfigNodejs } from '@upstash/redis';
import { claimDataDirectory, type DataDirectory } from '../../../knative/local/parts/data-directory.ts';
import { freePort } from '../../../knative/local/parts/free-port.ts';
import { type RedisPart, startRedis } from '../../../knative/local/parts/redis.ts';
import { redisConnection } from '../../../knative/local/parts/redis-connection.ts';
import { startRedisRestProxy } from '../../../knative/local/parts/redis-rest-proxy.ts';
import { startSubstitute } from '../../../knative/local/parts/redis-server.ts';
import { partsOfThisRun } from '../../setup/parts-of-this-run.ts';
import { type TemporaryDirectory, temporaryDirectory } from '../../setup/temporary-directory.ts';

// Our REST proxy with the real client of Upstash, in front of both servers that it can have.

const servers: { name: string; searchPath: string | undefined }[] = [
  { name: 'js-redis-server', searchPath: '' },
  ...(partsOfThisRun().redis.real ? [{ name: 'a real Redis', searchPath: undefined }] : []),
];

const configurations: Record<string, Partial<RedisConfigNodejs>> = {
  'as it comes': {},
  'without base64': { responseEncoding: false },
  'without pipelining by itself': { enableAutoPipelining: false },
  'without deserialising': { automaticDeserialization: false },
  'without read-your-writes and telemetry': { readYourWrites: false, enableTelemetry: false },
};

describe.each(servers)('in front of $name', ({ searchPath }) => {
  let directory: TemporaryDirectory;
  let data: DataDirectory;
  let part: RedisPart;
  beforeAll(async () => {
    directory = await temporaryDirectory();
    data = await claimDataDirectory(directory.path);
    part = await startRedis(data, { searchPath, extraDatabases: 2 });
    directory.usedBy([part.pid]);
  });
  afterAll(async () => {
    await part.stop();
    await directory.remove();
  });

  const client = (config: Partial<RedisConfigNodejs> = {}) =>
    new Redis({ url: part.restUrl, token: part.restToken, retry: { retries: 0 }, ...config });
  const post = async (path: string, body: unknown, headers: Record<string, string> = {}) => {
    const response = await fetch(part.restUrl + path, {
      method: 'POST',
      headers: { authorization: `Bearer ${part.restToken}`, ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
    return { status: response.status, text: await response.text() };
  };

  describe.each(Object.entries(configurations))('the client %s', (_name, config) => {
    // The client's handling of a text that it could read as JSON.
    const deserialised = (value: unknown) =>
      config.automaticDeserialization === false ? (typeof value === 'string' ? value : JSON.stringify(value)) : value;
    let redis: Redis;
    beforeAll(async () => {
      redis = client(config);
      await redis.flushdb();
    });

    test('reads back what it wrote', async () => {
      for (const text of ['plain', '', 'OK', 'PONG', 'dGV4dA==', 'ünï¢ode 💸', 'line\r\nbreak', '$5\r\nhello']) {
        expect(await redis.set('text', text)).toBe('OK');
        expect(await redis.get('text')).toBe(text);
      }
      await redis.set('object', { amount: '150000.00', tags: ['a', null] });
      expect(await redis.get('object')).toEqual(deserialised({ amount: '150000.00', tags: ['a', null] }));
      expect(await redis.get('nothing')).toBeNull();
      expect(await redis.mget('text', 'nothing')).toEqual(['$5\r\nhello', null]);
    });

    test('writes only a missing key, and lets it expire', async () => {
      expect(await redis.set('lock', 'mine', { nx: true, ex: 100 })).toBe('OK');
      expect(await redis.set('lock', 'theirs', { nx: true, ex: 100 })).toBeNull();
      expect(await redis.ttl('lock')).toBeGreaterThan(90);
      expect(await redis.set('lock', 'new', { xx: true, get: true })).toBe('mine');
      expect(await redis.del('lock')).toBe(1);
      expect(await redis.ttl('lock')).toBe(-2);
    });

    test('counts', async () => {
      expect(await redis.incr('counter')).toBe(1);
      expect(await redis.incrby('counter', 41)).toBe(42);
      expect(await redis.decr('counter')).toBe(41);
      expect(Number(await redis.incrbyfloat('ratio', 0.5))).toBe(0.5);
    });

    test('keeps hashes, lists, sets and sorted sets', async () => {
      expect(await redis.hset('session', { user: 'ada', device: 'phone' })).toBe(2);
      const hash = await redis.hgetall('session');
      expect(Array.isArray(hash) ? Object.fromEntries([hash.slice(0, 2), hash.slice(2)]) : hash).toEqual({
        user: 'ada',
        device: 'phone',
      });
      expect(await redis.hget('session', 'nothing')).toBeNull();
      expect(await redis.rpush('list', 'OK', 'b', 'c')).toBe(3);
      expect(await redis.lrange('list', 0, -1)).toEqual(['OK', 'b', 'c']);
      expect(await redis.sadd('set', 'x', 'y', 'x')).toBe(2);
      expect(await redis.sismember('set', 'x')).toBe(1);
      await redis.zadd('window', { score: 1.5, member: 'a' }, { score: 2, member: 'b' });
      expect((await redis.zrange('window', 0, -1, { withScores: true })).map(String)).toEqual(['a', '1.5', 'b', '2']);
      expect(await redis.zremrangebyscore('window', 0, 1.9)).toBe(1);
      expect(await redis.zscore('window', 'b').then(Number)).toBe(2);
      const [cursor, keys] = await redis.scan(0, { match: 'win*', count: 1000 });
      expect([String(cursor), keys]).toEqual(['0', ['window']]);
    });

    test('runs scripts with answers of every shape', async () => {
      const nested = await redis.eval('return {1, "OK", {KEYS[1], {ARGV[1]}}, false}', ['k'], ['v']);
      expect(nested).toEqual([1, 'OK', ['k', ['v']], null]);
      expect(await redis.eval('return redis.status_reply("FINE")', [], [])).toBe('FINE');
      const sha = await redis.scriptLoad('return ARGV[1]');
      expect(await redis.evalsha(sha, [], ['again'])).toBe('again');
      await expect(redis.evalsha('0'.repeat(40), [], [])).rejects.toThrow('NOSCRIPT');
      await expect(redis.eval('return redis.error_reply("LIMIT reached")', [], [])).rejects.toThrow('LIMIT reached');
    });

    test('sends many commands at once, and each has its own result', async () => {
      expect(await redis.pipeline().set('p', 'OK').get('p').incr('q').exec()).toEqual(['OK', 'OK', 1]);
      const results = await redis.pipeline().incr('p').get('p').exec({ keepErrors: true });
      expect(results[0]?.error).toMatch(/not an integer/);
      expect(results[1]?.result).toBe('OK');
      const together = await Promise.all(Array.from({ length: 50 }, (_, at) => redis.set(`many:${at}`, `v${at}`)));
      expect(together).toEqual(Array(50).fill('OK'));
      expect(await redis.get('many:49')).toBe('v49');
    });

    test('runs the commands of a transaction without others in between', async () => {
      expect(await redis.multi().set('a', 'x').incr('n').get('a').exec()).toEqual(['OK', 1, 'x']);
      // As in Redis itself: a command that fails does not undo its neighbours.
      await expect(redis.multi().incr('a').incr('n').exec()).rejects.toThrow(/not an integer/);
      expect(Number(await redis.get('n'))).toBe(2);
    });

    test('gets the error of a wrong command', async () => {
      await redis.set('text', 'x');
      await expect(redis.lpush('text', 'y')).rejects.toThrow('WRONGTYPE');
      await expect(redis.exec(['NOSUCHCOMMAND'])).rejects.toThrow(/unknown command/i);
    });

    test('a large value arrives whole', async () => {
      const large = 'ä'.repeat(400_000);
      await redis.set('large', large);
      expect(await redis.get('large')).toBe(large);
    });
  });

  test('Redis itself listens on this machine only, and wants a password', async () => {
    const port = part.redisPort ?? 0;
    const stranger = redisConnection(`redis://127.0.0.1:${port}`);
    await expect(stranger.send([['GET', 'x']])).rejects.toThrow('NOAUTH');
    for (const one of Object.values(networkInterfaces()).flat()) {
      if (!one || one.internal || one.family !== 'IPv4') continue;
      await expect(redisConnection(`redis://${one.address}:${port}`).send([['PING']])).rejects.toThrow(
        'does not answer',
      );
    }
  });

  test('64-bit integers keep every digit, in and out', async () => {
    expect(await post('/', '["SET","big",9223372036854775806]')).toEqual({ status: 200, text: '{"result":"OK"}' });
    expect(await post('/', ['INCR', 'big'])).toEqual({ status: 200, text: '{"result":9223372036854775807}' });
  });

  test('bytes that are not text survive base64', async () => {
    const bytes = Buffer.from([0, 255, 13, 10, 128, 36]);
    const written = await fetch(`${part.restUrl}/set/bytes`, {
      method: 'POST',
      headers: { authorization: `Bearer ${part.restToken}` },
      body: bytes,
    });
    expect(await written.json()).toEqual({ result: 'OK' });
    const { text } = await post('/', ['GET', 'bytes'], { 'upstash-encoding': 'base64' });
    expect(Buffer.from((JSON.parse(text) as { result: string }).result, 'base64')).toEqual(bytes);
  });

  test('a command can be an address, for curl', async () => {
    const get = (path: string) =>
      fetch(part.restUrl + path, { headers: { authorization: `Bearer ${part.restToken}` } }).then((got) => got.json());
    expect(await get('/set/a%2Fb/hello%20world?EX=100')).toEqual({ result: 'OK' });
    expect(await get('/get/a%2Fb')).toEqual({ result: 'hello world' });
    expect(await get('/ttl/a%2Fb')).toEqual({ result: 100 });
  });

  test('a request without the right token is refused', async () => {
    for (const path of ['/', '/pipeline', '/multi-exec', '/get/x', '/nowhere']) {
      for (const authorization of ['', 'Bearer ', 'Bearer wrong', `Basic ${part.restToken}`]) {
        expect((await post(path, ['PING'], { authorization })).status).toBe(401);
      }
    }
    await expect(client({ token: 'wrong' }).get('x')).rejects.toThrow('WRONGPASS');
  });

  test('every token has a database of its own', async () => {
    const [first, second] = part.databaseTokens.map((token) => client({ token }));
    await client().set('whose', 'zero');
    await first?.set('whose', 'one');
    await second?.set('whose', 'two');
    await second?.flushall();
    expect([await client().get('whose'), await first?.get('whose'), await second?.get('whose')]).toEqual([
      'zero',
      'one',
      null,
    ]);
  });

  test('commands that would disturb other callers are refused', async () => {
    const commands = [['BLPOP', 'l', '0'], ['subscribe', 'c'], ['Select', '1'], ['MULTI'], ['SHUTDOWN'], ['CONFIG']];
    for (const command of [...commands, ['XREAD', 'BLOCK', '0', 'STREAMS', 's', '$']]) {
      const { status, text } = await post('/', command);
      expect([status, text]).toEqual([400, expect.stringContaining('not available over REST')]);
    }
    const { text } = await post('/pipeline', [['SET', 'ran', '1'], ['MONITOR'], ['GET', 'ran']]);
    expect(JSON.parse(text)).toEqual([
      { result: 'OK' },
      { error: "ERR 'monitor' is not available over REST" },
      { result: '1' },
    ]);
  });

  test('a transaction with an impossible command is not run at all', async () => {
    await post('/', ['DEL', 'untouched']);
    const misspelt = await post('/multi-exec', [['SET', 'untouched', '1'], ['NOSUCHCOMMAND']]);
    expect([misspelt.status, misspelt.text]).toEqual([400, expect.stringContaining('EXECABORT')]);
    const disturbing = await post('/multi-exec', [
      ['SET', 'untouched', '1'],
      ['SELECT', '1'],
    ]);
    expect([disturbing.status, disturbing.text]).toEqual([400, expect.stringContaining('EXECABORT')]);
    expect(await client().get('untouched')).toBeNull();
  });

  test('a request that cannot be understood is answered with a reason', async () => {
    const cases: [string, unknown, RegExp][] = [
      ['/', 'not json', /not JSON/],
      ['/', {}, /JSON array/],
      ['/', [], /empty command/],
      ['/', ['SET', 'k', null], /every argument/],
      ['/', ['SET', 'k', { a: 1 }], /every argument/],
      ['/pipeline', [], /empty pipeline/],
      ['/pipeline', ['PING'], /JSON array/],
    ];
    for (const [path, body, reason] of cases) {
      const { status, text } = await post(path, body);
      expect([status, (JSON.parse(text) as { error: string }).error]).toEqual([400, expect.stringMatching(reason)]);
    }
    const method = await fetch(part.restUrl, { headers: { authorization: `Bearer ${part.restToken}` } });
    expect(method.status).toBe(405);
    const tooLarge = await post('/', ['SET', 'k', 'x'.repeat(3_000_000)]);
    expect([tooLarge.status, tooLarge.text]).toEqual([413, expect.stringContaining('max request size')]);
  });

  test('requests at the same time do not get each other’s answers', async () => {
    const answers = await Promise.all(
      Array.from({ length: 300 }, (_, at) => post(at % 3 ? '/' : '/pipeline', at % 3 ? ['ECHO2', at] : [['GET', at]])),
    );
    expect(answers.every(({ status }, at) => status === (at % 3 ? 400 : 200))).toBe(true);
    const counted = await Promise.all(
      Array.from({ length: 200 }, (_, at) =>
        client({ enableAutoPipelining: false }).eval('return ARGV[1]', [], [`n${at}`]),
      ),
    );
    expect(counted).toEqual(Array.from({ length: 200 }, (_, at) => `n${at}`));
  });
});

(partsOfThisRun().redis.real ? test : test.skip)(
  'the real Redis is one: the process we started says so itself',
  async () => {
    const directory = await temporaryDirectory();
    const part = await startRedis(await claimDataDirectory(directory.path));
    directory.usedBy([part.pid]);
    const redis = new Redis({ url: part.restUrl, token: part.restToken });
    const info = await redis.exec<string>(['INFO', 'server']);
    expect(info).toMatch(new RegExp(`^process_id:${part.pid}\r$`, 'm'));
    expect(info).toMatch(/^executable:.*(redis|valkey)-server\r$/m);
    expect(info).toContain(part.version);
    const memory = await redis.exec<string>(['INFO', 'memory']);
    expect(memory).toMatch(/^maxmemory_policy:noeviction\r$/m);
    await part.stop();
    await directory.remove();
  },
);

describe('a given Redis', () => {
  const { url, token, version } = partsOfThisRun().redis;
  let directory: TemporaryDirectory;
  let data: DataDirectory;
  beforeAll(async () => {
    directory = await temporaryDirectory();
    data = await claimDataDirectory(directory.path);
  });
  afterAll(() => directory.remove());

  test('over REST is used as it is', async () => {
    const part = await startRedis(data, { restUrl: url, restToken: token });
    expect(part).toMatchObject({ restUrl: url, version, real: true, pid: undefined, databaseTokens: [] });
    expect(part.description).toMatch(/the one of UPSTASH_REDIS_REST_URL$/);
  });

  test('over REST that cannot be used is named in a sentence, without its token', async () => {
    await expect(startRedis(data, { restUrl: url })).rejects.toThrow(
      'UPSTASH_REDIS_REST_TOKEN is not: set both or neither.',
    );
    const refused = await startRedis(data, { restUrl: url, restToken: 'a-guess' }).catch(
      (error: Error) => error.message,
    );
    expect(refused).toMatch(/^The Redis of UPSTASH_REDIS_REST_URL at http:\S+ cannot be used: WRONGPASS/);
    expect(refused).not.toContain('a-guess');
  });

  test('gets our proxy in front, which leaves its other databases alone', async () => {
    const theirs = await startSubstitute(data, 4, await freePort());
    const part = await startRedis(data, { redisUrl: `${theirs.url}/2`, extraDatabases: 3 });
    expect(part.databaseTokens).toEqual([]);
    await new Redis({ url: part.restUrl, token: part.restToken }).set('where', 'here');
    const connection = redisConnection(`${theirs.url}/2`);
    expect(await connection.send([['GET', 'where']])).toEqual([Buffer.from('here')]);
    connection.close();
    await part.stop();
    await theirs.stop?.();
    await expect(startRedis(data, { redisUrl: theirs.url })).rejects.toThrow(
      /Redis at 127\.0\.0\.1:\d+ does not answer/,
    );
  });
});

describe('when Redis does not answer', () => {
  test('callers get an error, and are served again when it is back', async () => {
    const directory = await temporaryDirectory();
    const data = await claimDataDirectory(directory.path);
    const port = await freePort();
    const first = await startSubstitute(data, 1, port);
    const proxy = await startRedisRestProxy({ redisUrls: new Map([['token', first.url]]) });
    const redis = new Redis({ url: proxy.url, token: 'token', retry: { retries: 0 } });
    expect(await redis.ping()).toBe('PONG');
    await first.stop?.();
    await expect(redis.ping()).rejects.toThrow(/Redis at 127\.0\.0\.1:\d+ does not answer/);
    const back = await startSubstitute(data, 1, port);
    expect(await redis.ping()).toBe('PONG');
    await proxy.stop();
    await back.stop?.();
    await directory.remove();
  });

  test('a Redis that hangs is given up after the limit', async () => {
    const silent = createServer((socket) => socket.resume());
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const { port } = silent.address() as { port: number };
    const proxy = await startRedisRestProxy({
      redisUrls: new Map([['token', `redis://127.0.0.1:${port}`]]),
      commandLimitMs: 50,
    });
    const redis = new Redis({ url: proxy.url, token: 'token', retry: { retries: 0 } });
    await expect(redis.ping()).rejects.toThrow('took longer than 50 ms');
    await proxy.stop();
    await new Promise((resolve) => silent.close(resolve));
  });
});
