import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, expect, jest, test } from '@jest/globals';
import pg from 'pg';
import type { SessionWatch } from '../../../shared/sessions/session-watch.ts';
import { prepareEnvironment } from '../../functions/identity/identity-service.ts';
import type { TestDatabase } from '../../setup/database.ts';
import { type Switchable, switchable, until } from './switchable.ts';

let database: TestDatabase;
let admin: pg.Client;
let redisLine: Switchable;
let databaseLine: Switchable;
let userId: string;
let ended: typeof import('../../../shared/sessions/ended-sessions.ts');
let watchModule: typeof import('../../../shared/sessions/session-watch.ts');
let askRedis: typeof import('../../../shared/platform/cache/redis.ts').askRedis;
let runShutdown: typeof import('../../../shared/platform/shutdown.ts').runShutdown;

beforeAll(async () => {
  redisLine = await switchable();
  databaseLine = await switchable();
  ({ database } = await prepareEnvironment({ redis: redisLine.through, database: databaseLine.through }));
  ended = await import('../../../shared/sessions/ended-sessions.ts');
  watchModule = await import('../../../shared/sessions/session-watch.ts');
  ({ askRedis } = await import('../../../shared/platform/cache/redis.ts'));
  ({ runShutdown } = await import('../../../shared/platform/shutdown.ts'));
  admin = new pg.Client({ connectionString: database.adminUrl });
  await admin.connect();
  const { rows } = await admin.query(
    `insert into users (username, email, phone, password) values ('ada', 'ada@example.com', '+6281234567890', '-') returning id`,
  );
  userId = rows[0].id;
});
beforeEach(() => {
  redisLine.mend();
  databaseLine.mend();
});
afterAll(async () => {
  await runShutdown(() => undefined);
  await admin.end();
  await redisLine.close();
  await databaseLine.close();
  await database.drop();
});

async function openSession(): Promise<string> {
  const { rows } = await admin.query(
    `insert into sessions (user_id, expires_at) values ($1, now() + interval '7 days') returning id`,
    [userId],
  );
  return rows[0].id;
}

async function endInDatabase(sessionId: string): Promise<void> {
  await admin.query(`update sessions set ended_at = now(), ended_by = 'LOGOUT' where id = $1`, [sessionId]);
}

/** An instance of its own, with a clock that the test moves forward; counts its questions to the database. */
function instance(): { watch: SessionWatch; pass(ms: number): void; asked: string[][] } {
  let passed = 0;
  const asked: string[][] = [];
  const watch = watchModule.watchSessions({
    readNews: ended.readNews,
    findEnded: (sessionIds) => {
      asked.push([...sessionIds]);
      return ended.findEnded(sessionIds);
    },
    now: () => performance.now() + passed,
  });
  return {
    watch,
    asked,
    pass: (ms) => {
      passed += ms;
    },
  };
}

test('a new instance asks PostgreSQL, and needs no question once it has read the news', async () => {
  const [lasting, over] = [await openSession(), await openSession()];
  await endInDatabase(over);
  await ended.announceEnded([over]);
  const { watch, asked } = instance();
  expect(watch.stateOf(lasting)).toBe('unknown');
  expect(await watch.confirm(lasting)).toBe('lasting');
  expect(await watch.confirm(over)).toBe('ended');
  expect(asked.length).toBeGreaterThan(0);
  const another = await openSession();
  await until(() => watch.stateOf(another) === 'lasting');
  const questions = asked.length;
  expect(await watch.confirm(another)).toBe('lasting');
  expect(asked).toHaveLength(questions);
});

test('an end that one instance announces is known to the others within seconds, without a question to PostgreSQL', async () => {
  const session = await openSession();
  const { watch, asked } = instance();
  await watch.confirm(session);
  await until(() => watch.stateOf(randomUUID()) === 'lasting');
  const questions = asked.length;
  await endInDatabase(session);
  await ended.announceEnded([session]);
  await until(() => watch.stateOf(session) === 'ended');
  expect(asked).toHaveLength(questions);
});

test('news older than five seconds are not trusted: after a pause the first question goes to PostgreSQL', async () => {
  const session = await openSession();
  const { watch, pass, asked } = instance();
  await watch.confirm(session);
  await until(() => watch.stateOf(randomUUID()) === 'lasting');
  await endInDatabase(session);
  const questions = asked.length;
  pass(60_000);
  expect(watch.stateOf(session)).toBe('unknown');
  expect(await watch.confirm(session)).toBe('ended');
  expect(asked).toHaveLength(questions + 1);
});

test('without Redis PostgreSQL is asked about each session at most every five seconds', async () => {
  redisLine.cut();
  const [lasting, over] = [await openSession(), await openSession()];
  await endInDatabase(over);
  const { watch, pass, asked } = instance();
  expect(await watch.confirm(lasting)).toBe('lasting');
  expect(await watch.confirm(over)).toBe('ended');
  expect(await watch.confirm(lasting)).toBe('lasting');
  expect(asked).toEqual([[lasting], [over]]);
  await endInDatabase(lasting);
  pass(5_001);
  expect(await watch.confirm(lasting)).toBe('ended');
});

test('without Redis many questions at once become few', async () => {
  redisLine.cut();
  const open: string[] = [];
  for (let index = 0; index < 30; index++) open.push(await openSession());
  const { watch, asked } = instance();
  const states = await Promise.all(open.map((session) => watch.confirm(session)));
  expect(new Set(states)).toEqual(new Set(['lasting']));
  expect(asked.length).toBeLessThanOrEqual(2);
});

test('an unknown session counts as ended', async () => {
  redisLine.cut();
  expect(await instance().watch.confirm(randomUUID())).toBe('ended');
});

test('without Redis and PostgreSQL the state is unknown, and known ends stay ends', async () => {
  const [session, over] = [await openSession(), await openSession()];
  const { watch, pass } = instance();
  await watch.confirm(session);
  watch.noteEnd(over);
  redisLine.cut();
  databaseLine.cut();
  pass(60_000);
  expect(await watch.confirm(session)).toBe('unknown');
  expect(await watch.confirm(over)).toBe('ended');
  redisLine.mend();
  databaseLine.mend();
  await until(async () => (await watch.confirm(session)) === 'lasting');
});

test('when only the database does not answer, the news of Redis are enough', async () => {
  const session = await openSession();
  await ended.announceAll();
  databaseLine.cut();
  expect(await instance().watch.confirm(session)).toBe('lasting');
});

test('a list that Redis has lost is written again from PostgreSQL by its first reader', async () => {
  const session = await openSession();
  await endInDatabase(session);
  await askRedis((redis) => redis.flushdb());
  const first = await ended.readNews(0);
  expect(first.ended).toContain(session);
  const second = await ended.readNews(first.position);
  expect(second.ended).toContain(session);
  // An instance that had read on before the loss learns of it as well: the end was announced again.
  expect((await ended.readNews(second.position)).ended).toContain(session);
});

test('old announcements leave the list, and announcing twice changes nothing', async () => {
  const session = await openSession();
  await endInDatabase(session);
  await ended.announceAll();
  const scores = () =>
    askRedis((redis) => redis.zrange<string[]>('one-gate:sessions:ended', 0, -1, { withScores: true }));
  const before = await scores();
  await ended.announceAll();
  expect(await scores()).toEqual(before);
  await askRedis((redis) =>
    redis.zadd('one-gate:sessions:ended', { score: Date.now() - 17 * 60_000, member: 'long-ago' }),
  );
  await ended.announceEnded([]);
  expect(await scores()).toEqual(before);
});

test('the roles that move money and that read may ask about sessions, and see no token', async () => {
  for (const role of ['money', 'reader'] as const) {
    const client = new pg.Client({ connectionString: database.urls[role] });
    await client.connect();
    try {
      await client.query('select id from sessions where ended_at is null');
      await expect(client.query('select token from authentications')).rejects.toThrow('permission denied');
      await expect(client.query(`update sessions set ended_at = null`)).rejects.toThrow();
      await expect(client.query('delete from sessions')).rejects.toThrow();
    } finally {
      await client.end();
    }
  }
});

test('an instance that ends before its first news reads none afterwards', async () => {
  let reads = 0;
  const watch = watchModule.watchSessions({
    readNews: (position) => {
      reads++;
      return ended.readNews(position);
    },
    findEnded: ended.findEnded,
    now: () => performance.now(),
  });
  const sessionId = await openSession();
  jest.useFakeTimers({
    now: Date.now(),
    doNotFake: ['Date', 'performance', 'nextTick', 'setImmediate', 'queueMicrotask'],
  });
  try {
    // PostgreSQL vouches for the session; the news would come later if the instance were not told to end.
    expect(await watch.confirm(sessionId)).toBe('lasting');
    await runShutdown(() => undefined);
    jest.advanceTimersByTime(60_000);
    expect(reads).toBe(0);
  } finally {
    jest.useRealTimers();
  }
});
