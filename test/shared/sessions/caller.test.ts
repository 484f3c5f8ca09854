import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import pg from 'pg';
import type { Caller } from '../../../shared/sessions/caller.ts';
import { prepareEnvironment } from '../../functions/identity/identity-service.ts';
import type { TestDatabase } from '../../setup/database.ts';
import { type Switchable, switchable, until } from './switchable.ts';

let database: TestDatabase;
let admin: pg.Client;
let redisLine: Switchable;
let databaseLine: Switchable;
const stops: (() => Promise<void>)[] = [];

beforeAll(async () => {
  redisLine = await switchable();
  databaseLine = await switchable();
  ({ database } = await prepareEnvironment({ redis: redisLine.through, database: databaseLine.through }));
  admin = new pg.Client({ connectionString: database.adminUrl });
  await admin.connect();
  await admin.query(
    `insert into users (username, email, phone, password) values ('ada', 'ada@example.com', '+6281234567890', '-')`,
  );
});
afterAll(async () => {
  for (const stop of stops) await stop();
  await admin.end();
  await redisLine.close();
  await databaseLine.close();
  await database.drop();
});

/** The modules as in a process that has just started. */
async function freshInstance() {
  jest.resetModules();
  redisLine.mend();
  databaseLine.mend();
  const { user } = await import('../../../shared/sessions/caller.ts');
  const { sessions } = await import('../../../shared/sessions/session-watch.ts');
  const { signAccessToken } = await import('../../../shared/sessions/access-token.ts');
  const { runShutdown } = await import('../../../shared/platform/shutdown.ts');
  stops.push(() => runShutdown(() => undefined));
  const { rows } = await admin.query(
    `insert into sessions (user_id, expires_at) select id, now() + interval '7 days' from users returning id, user_id`,
  );
  const caller: Caller = {
    userId: rows[0].user_id,
    accountId: '0190a000-0000-7000-8000-000000000001',
    username: 'ada',
    type: 'user',
    sessionId: rows[0].id,
  };
  const headers = { authorization: `Bearer ${await signAccessToken(caller)}` };
  return { user, sessions, caller, headers };
}

const problem = (code: string) => expect.objectContaining({ code });

test('a token is verified once and then recognised from memory, until its session ends', async () => {
  const { user, sessions, caller, headers } = await freshInstance();
  const first = user.identify(headers, true);
  expect(first).toBeInstanceOf(Promise);
  expect(await first).toEqual(caller);
  expect(user.identify({ ...headers }, true)).toEqual(caller);
  sessions.noteEnd(caller.sessionId);
  await expect(Promise.resolve(user.identify(headers, true))).rejects.toEqual(problem('session_ended'));
});

test('a token that this instance remembers is refused when its time is over', async () => {
  const { user, headers } = await freshInstance();
  await user.identify(headers, false);
  expect(user.identify(headers, false)).not.toBeInstanceOf(Promise);
  const now = jest.spyOn(Date, 'now').mockReturnValue(Date.now() + 901_000);
  try {
    await expect(Promise.resolve(user.identify(headers, false))).rejects.toEqual(problem('token_expired'));
  } finally {
    now.mockRestore();
  }
});

test('without Redis an ended session is refused all the same', async () => {
  const { user, caller, headers } = await freshInstance();
  redisLine.cut();
  expect(await user.identify(headers, true)).toEqual(caller);
  const other = await freshInstance();
  redisLine.cut();
  await admin.query(`update sessions set ended_at = now(), ended_by = 'LOGOUT' where id = $1`, [
    other.caller.sessionId,
  ]);
  await expect(Promise.resolve(other.user.identify(other.headers, false))).rejects.toEqual(problem('session_ended'));
});

test('when neither Redis nor PostgreSQL can tell whether the session lasts, money is refused and reading is allowed', async () => {
  const { user, caller, headers } = await freshInstance();
  redisLine.cut();
  databaseLine.cut();
  await expect(Promise.resolve(user.identify(headers, true))).rejects.toEqual(problem('service_unavailable'));
  expect(await user.identify(headers, false)).toEqual(caller);
  // An earlier permission to read does not help.
  await expect(Promise.resolve(user.identify(headers, true))).rejects.toEqual(problem('service_unavailable'));
  redisLine.mend();
  databaseLine.mend();
  await until(async () => {
    try {
      return (await user.identify(headers, true)).username === 'ada';
    } catch {
      return false;
    }
  });
});
