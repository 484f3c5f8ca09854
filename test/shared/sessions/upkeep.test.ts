import { afterAll, beforeAll, expect, test } from '@jest/globals';
import pg from 'pg';
import { prepareEnvironment } from '../../functions/identity/identity-service.ts';
import type { TestDatabase } from '../../setup/database.ts';

let database: TestDatabase;
let admin: pg.Client;
let keepSessions: typeof import('../../../shared/sessions/upkeep.ts').keepSessions;
let readNews: typeof import('../../../shared/sessions/ended-sessions.ts').readNews;

beforeAll(async () => {
  ({ database } = await prepareEnvironment());
  // As the scheduled function runs.
  process.env['DATABASE_URL'] = database.urls.money;
  ({ keepSessions } = await import('../../../shared/sessions/upkeep.ts'));
  ({ readNews } = await import('../../../shared/sessions/ended-sessions.ts'));
  admin = new pg.Client({ connectionString: database.adminUrl });
  await admin.connect();
  await admin.query(
    `insert into users (username, email, phone, password) values ('ada', 'ada@example.com', '+6281234567890', '-')`,
  );
});
afterAll(async () => {
  const { runShutdown } = await import('../../../shared/platform/shutdown.ts');
  await runShutdown(() => undefined);
  await admin.end();
  await database.drop();
});

test('expired rows are deleted, live ones stay, and an unannounced end is announced', async () => {
  const session = async (name: string, expires: string, ended = false) => {
    await admin.query(
      `with session as (
         insert into sessions (user_id, expires_at, ended_at, ended_by)
         select id, now() + $2::interval, case when $3 then now() end, case when $3 then 'LOGOUT'::session_end_enum end from users
         returning *)
       insert into authentications (token, user_id, session_id, expires_at) select $1, user_id, id, expires_at from session`,
      [name, expires, ended],
    );
  };
  await session('alive', '1 day');
  await session('just expired', '-10 minutes');
  await session('long expired', '-2 hours');
  await session('ended', '1 day', true);

  expect(await keepSessions()).toEqual({ removed: 3, announced: 1 });
  const tokens = await admin.query('select token from authentications order by token');
  expect(tokens.rows.map(({ token }) => token)).toEqual(['alive', 'ended']);
  // An access token of the session that has just expired may still live: its session stays.
  expect((await admin.query('select count(*)::int from sessions')).rows).toEqual([{ count: 3 }]);
  const { rows } = await admin.query('select id from sessions where ended_at is not null');
  expect((await readNews(0)).ended).toEqual([rows[0].id]);
  expect(await keepSessions()).toEqual({ removed: 0, announced: 1 });
});
