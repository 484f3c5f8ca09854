import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type IdentityService, PASSWORD, randomAddress, registerAndLogIn, serveIdentity } from './identity-service.ts';

let service: IdentityService;

beforeAll(async () => {
  service = await serveIdentity(undefined, { redis: () => 'http://127.0.0.1:1' });
});
afterAll(() => service.close());

test('without Redis everything still works: registering, logging in, refreshing, logging out', async () => {
  const { tokens } = await registerAndLogIn(service);
  const refreshed = await service.call('/v1/refresh', { body: { refresh_token: tokens.refresh_token } });
  expect(refreshed.status).toBe(200);
  const headers = { authorization: `Bearer ${refreshed.body.data.access_token}` };
  expect((await service.call('/v1/logout', { headers })).status).toBe(204);
  expect((await service.call('/v1/logout', { headers })).body.code).toBe('session_ended');
  // The other access token of the session ends with it.
  const first = { authorization: `Bearer ${tokens.access_token}` };
  expect((await service.call('/v1/logout', { headers: first })).body.code).toBe('session_ended');
});

test('without Redis guessing is still limited, by each instance on its own', async () => {
  const { person } = await registerAndLogIn(service);
  const answers = [];
  for (let attempt = 0; attempt < 12; attempt++) {
    answers.push(
      await service.call('/v1/login', {
        body: { identifier: person.email, password: 'not the password' },
        headers: { 'x-real-ip': randomAddress() },
      }),
    );
  }
  expect(answers.map(({ status }) => status)).toEqual([...Array(10).fill(401), 429, 429]);
  const right = await service.call('/v1/login', { body: { identifier: person.email, password: PASSWORD } });
  expect(right.status).toBe(429);
});
