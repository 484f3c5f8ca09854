import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { decodeJwt } from 'jose';
import pg from 'pg';
import { hashRefreshToken } from '../../../shared/sessions/refresh-token.ts';
import { until } from '../../shared/sessions/switchable.ts';
import { type IdentityService, registerAndLogIn, serveIdentity } from './identity-service.ts';

let service: IdentityService;
let admin: pg.Client;

beforeAll(async () => {
  service = await serveIdentity();
  admin = new pg.Client({ connectionString: service.database.adminUrl });
  await admin.connect();
});
afterAll(async () => {
  await admin.end();
  await service.close();
});

const refresh = (refreshToken: unknown) => service.call('/v1/refresh', { body: { refresh_token: refreshToken } });

test('a refresh token is exchanged for a new pair of the same session and person', async () => {
  const { tokens } = await registerAndLogIn(service);
  const answer = await refresh(tokens.refresh_token);
  expect(answer.status).toBe(200);
  expect(answer.headers.get('cache-control')).toBe('no-store');
  const before = decodeJwt(tokens.access_token);
  const after = decodeJwt(answer.body.data.access_token);
  expect(after).toEqual({ ...before, iat: after.iat, exp: after.exp, jti: after.jti });
  expect(after.jti).not.toBe(before.jti);
  expect(answer.body.data.refresh_token).not.toBe(tokens.refresh_token);
  const next = await refresh(answer.body.data.refresh_token);
  expect(next.status).toBe(200);
});

test('only hashes of refresh tokens are kept', async () => {
  const { tokens } = await registerAndLogIn(service);
  const { rows } = await admin.query('select * from authentications where token = $1', [
    hashRefreshToken(tokens.refresh_token),
  ]);
  expect(rows).toHaveLength(1);
  expect(JSON.stringify(rows)).not.toContain(tokens.refresh_token);
});

test('using an old token ends the whole session, the newest token included', async () => {
  const { tokens } = await registerAndLogIn(service);
  const second = await refresh(tokens.refresh_token);
  const third = await refresh(second.body.data.refresh_token);
  const reused = await refresh(tokens.refresh_token);
  expect(reused.status).toBe(401);
  expect(reused.body.code).toBe('invalid_refresh_token');
  expect((await refresh(third.body.data.refresh_token)).status).toBe(401);
  const ended = await service.call('/v1/logout', {
    headers: { authorization: `Bearer ${third.body.data.access_token}` },
  });
  expect([ended.status, ended.body.code]).toEqual([401, 'session_ended']);
  const { rows } = await admin.query(
    'select ended_by from sessions join authentications on session_id = id where token = $1',
    [hashRefreshToken(tokens.refresh_token)],
  );
  expect(rows).toEqual([{ ended_by: 'REUSE' }]);
});

test('the very first reuse counts, directly after the exchange', async () => {
  const { tokens } = await registerAndLogIn(service);
  const second = await refresh(tokens.refresh_token);
  expect((await refresh(tokens.refresh_token)).status).toBe(401);
  expect((await refresh(second.body.data.refresh_token)).status).toBe(401);
});

test('of many requests with the same token exactly one gets the next', async () => {
  for (let round = 0; round < 5; round++) {
    const { tokens } = await registerAndLogIn(service);
    const answers = await Promise.all(Array.from({ length: 12 }, () => refresh(tokens.refresh_token)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 401)).toHaveLength(11);
    const usable = await admin.query(
      `select count(*)::int from authentications where rotated_at is null and session_id =
         (select session_id from authentications where token = $1)`,
      [hashRefreshToken(tokens.refresh_token)],
    );
    expect(usable.rows[0].count).toBe(1);
  }
});

test('requests that were all under way when one of them got the next do not end the session', async () => {
  const { tokens } = await registerAndLogIn(service);
  // The session's row is held until all four wait for it.
  await admin.query('begin');
  await admin.query(
    'select id from sessions where id = (select session_id from authentications where token = $1) for update',
    [hashRefreshToken(tokens.refresh_token)],
  );
  const asked = Array.from({ length: 4 }, () => refresh(tokens.refresh_token));
  await until(async () => {
    const { rows } = await admin.query(
      `select count(*)::int from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
    );
    return rows[0].count === 4;
  });
  await admin.query('commit');
  const answers = await Promise.all(asked);
  const won = answers.filter(({ status }) => status === 200);
  expect(won).toHaveLength(1);
  const overtaken = answers.find(({ status }) => status === 401);
  expect(overtaken?.body).toMatchObject({ code: 'invalid_refresh_token', detail: expect.stringContaining('faster') });
  expect((await refresh(won[0]?.body.data.refresh_token)).status).toBe(200);
});

test('a refresh and a logout at once leave no token alive', async () => {
  for (let round = 0; round < 5; round++) {
    const { tokens } = await registerAndLogIn(service);
    const [refreshed, left] = await Promise.all([
      refresh(tokens.refresh_token),
      service.call('/v1/logout', { headers: { authorization: `Bearer ${tokens.access_token}` } }),
    ]);
    expect(left.status).toBe(204);
    if (refreshed.status === 200) expect((await refresh(refreshed.body.data.refresh_token)).status).toBe(401);
  }
});

test('an expired token, one of an ended session and an unknown one are refused in the same words', async () => {
  const { tokens: expired } = await registerAndLogIn(service);
  await admin.query(`update authentications set expires_at = now() - interval '1 second' where token = $1`, [
    hashRefreshToken(expired.refresh_token),
  ]);
  const { tokens: ended } = await registerAndLogIn(service);
  await service.call('/v1/logout', { headers: { authorization: `Bearer ${ended.access_token}` } });
  const answers = await Promise.all(
    [
      expired.refresh_token,
      ended.refresh_token,
      `ogr_${'A'.repeat(43)}`,
      'garbage',
      ended.access_token.slice(0, 512),
    ].map(refresh),
  );
  for (const { status, body } of answers) {
    expect(status).toBe(401);
    expect({ ...body, request_id: '' }).toEqual({ ...answers[0]?.body, request_id: '' });
  }
});

test('a session lasts thirty days at most, however often it is refreshed', async () => {
  const { tokens } = await registerAndLogIn(service);
  await admin.query(
    `update sessions set created_at = now() - interval '29 days' where id =
       (select session_id from authentications where token = $1)`,
    [hashRefreshToken(tokens.refresh_token)],
  );
  const answer = await refresh(tokens.refresh_token);
  expect(answer.body.data.refresh_expires_in).toBeGreaterThan(86_300);
  expect(answer.body.data.refresh_expires_in).toBeLessThanOrEqual(86_400);
});

test('input of another shape is refused with its field', async () => {
  for (const token of [undefined, null, 5, '', 'x'.repeat(513), ['x'], 'nul\u0000byte']) {
    const answer = await refresh(token);
    expect([answer.status, answer.body.errors?.[0]?.pointer]).toEqual([422, '/refresh_token']);
  }
});
