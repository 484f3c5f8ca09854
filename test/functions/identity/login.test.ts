import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { argon2id, hash } from 'argon2';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import pg from 'pg';
import {
  AUDIENCE,
  type IdentityService,
  ISSUER,
  newPerson,
  PASSWORD,
  randomAddress,
  registerAndLogIn,
  serveIdentity,
} from './identity-service.ts';

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

const logIn = (identifier: unknown, password: unknown = PASSWORD, address?: string) =>
  service.call('/v1/login', {
    body: { identifier, password },
    ...(address && { headers: { 'x-real-ip': address } }),
  });

test('username, e-mail address and phone number all lead to the same person, in any spelling', async () => {
  const { person, registered } = await registerAndLogIn(service);
  const spellings = [
    person.username,
    person.username.toUpperCase(),
    ` ${person.email.toUpperCase()} `,
    person.phone,
    person.phone.replace('+62', '0'),
    person.phone.replace('+62', '62'),
    person.phone.replace('+62', '+62 (0) '),
    `\u202a${person.phone}\u202c`,
    `${person.username}\u200b`,
  ];
  for (const spelling of spellings) {
    const answer = await logIn(spelling);
    expect([spelling, answer.status]).toEqual([spelling, 200]);
    const [, payload = ''] = answer.body.data.access_token.split('.');
    expect(JSON.parse(Buffer.from(payload, 'base64url').toString()).sub).toBe(registered.user.id);
  }
});

test('an e-mail address or a number that several users claim logs in the first, until one of them proves it', async () => {
  const { person, registered: first } = await registerAndLogIn(service);
  const { username, ...claims } = {
    ...newPerson(),
    email: person.email,
    phone: person.phone,
    password: 'another password',
  };
  const second = (await service.call('/v1/register', { body: { username, ...claims } })).body.data;
  const whoLogsIn = async (identifier: string) => {
    const found = [];
    for (const password of [PASSWORD, claims.password]) {
      const { status, body } = await logIn(identifier, password, randomAddress());
      if (status !== 200) continue;
      found.push(JSON.parse(Buffer.from(body.data.access_token.split('.')[1] ?? '', 'base64url').toString()).sub);
    }
    return found;
  };
  for (const identifier of [person.email, person.phone]) expect(await whoLogsIn(identifier)).toEqual([first.user.id]);
  expect(await whoLogsIn(username)).toEqual([second.user.id]);

  await admin.query("select prove_claim($1, 'phone', $2)", [second.user.id, person.phone]);
  expect(await whoLogsIn(person.phone)).toEqual([second.user.id]);
  expect(await whoLogsIn(person.email)).toEqual([first.user.id]);
  expect(await whoLogsIn(person.username)).toEqual([first.user.id]);
});

test('the published key set verifies an access token, which names the user, the issuer and the end', async () => {
  const { person, registered, tokens } = await registerAndLogIn(service);
  expect(tokens).toEqual({
    access_token: expect.any(String),
    token_type: 'Bearer',
    expires_in: 900,
    refresh_token: expect.stringMatching(/^ogr_[\w-]{43}$/),
    refresh_expires_in: 604_800,
  });
  const jwks = await service.call('/.well-known/jwks.json', { method: 'GET' });
  expect(jwks.status).toBe(200);
  expect(jwks.headers.get('cache-control')).toBe('public, max-age=300');
  expect(jwks.body).toEqual({
    keys: [{ kty: 'OKP', crv: 'Ed25519', use: 'sig', alg: 'EdDSA', kid: 'test-1', x: service.key.publicJwk.x }],
  });
  const keys = createRemoteJWKSet(new URL(await urlOf(jwks.body)));
  const { payload, protectedHeader } = await jwtVerify(tokens.access_token, keys, {
    issuer: ISSUER,
    audience: AUDIENCE,
    typ: 'at+jwt',
  });
  expect(protectedHeader).toEqual({ alg: 'EdDSA', typ: 'at+jwt', kid: 'test-1' });
  expect(payload).toEqual({
    iss: ISSUER,
    aud: AUDIENCE,
    sub: registered.user.id,
    account_id: registered.account.id,
    user_type: 'user',
    username: person.username,
    sid: expect.stringMatching(/^[0-9a-f-]{36}$/),
    jti: expect.stringMatching(/^[0-9a-f-]{36}$/),
    iat: expect.any(Number),
    exp: (payload.iat ?? 0) + 900,
  });
});

const urlOf = async (set: unknown) => `data:application/json,${encodeURIComponent(JSON.stringify(set))}`;

test('a wrong password and an unknown name get the same words', async () => {
  const { person } = await registerAndLogIn(service);
  const answers = [
    await logIn(person.username, 'not the password'),
    await logIn(newPerson().username),
    await logIn(newPerson().email),
    await logIn(newPerson().phone),
    await logIn('no name that anybody could ever have!'),
  ];
  for (const { status, body, headers } of answers) {
    expect(status).toBe(401);
    expect({ ...body, request_id: '' }).toEqual({ ...answers[0]?.body, request_id: '' });
    expect(headers.get('ratelimit-policy')).toBe(answers[0]?.headers.get('ratelimit-policy'));
  }
  expect(answers[0]?.body.code).toBe('invalid_credentials');
});

test('a wrong password and an unknown name take the same time', async () => {
  const { person } = await registerAndLogIn(service);
  const known: number[] = [];
  const unknown: number[] = [];
  const time = async (identifier: string) => {
    const started = performance.now();
    await logIn(identifier, 'not the password', randomAddress());
    return performance.now() - started;
  };
  // In turns, so that other load of the machine hits both. Nine wrong ones are below the quota.
  for (let round = 0; round < 9; round++) {
    known.push(await time(person.username));
    unknown.push(await time(newPerson().username));
  }
  const median = (times: number[]) => times.sort((one, other) => one - other)[4] ?? 0;
  // A verification takes some 20 ms; without it the time would be a fifth or less.
  expect(median(unknown) / median(known)).toBeGreaterThan(0.5);
  expect(median(unknown) / median(known)).toBeLessThan(2);
});

test('a hash made with other parameters is renewed by the login, once', async () => {
  const { person } = await registerAndLogIn(service);
  const old = await hash(PASSWORD, { type: argon2id, memoryCost: 8_192, timeCost: 1, parallelism: 1 });
  await admin.query('update users set password = $2 where username = $1', [person.username, old]);
  expect((await logIn(person.username, 'not the password')).status).toBe(401);
  expect(await storedHash(person.username)).toBe(old);
  expect((await logIn(person.username)).status).toBe(200);
  const renewed = await storedHash(person.username);
  expect(renewed).toMatch(/^\$argon2id\$v=19\$m=7168,t=5,p=1\$/);
  expect((await logIn(person.username)).status).toBe(200);
  expect(await storedHash(person.username)).toBe(renewed);
});

async function storedHash(username: string): Promise<string> {
  return (await admin.query('select password from users where username = $1', [username])).rows[0].password;
}

test('composed and decomposed accents are the same password', async () => {
  const person = { ...newPerson(), password: 'caf\u00e9 di tepi danau' };
  await service.call('/v1/register', { body: person });
  expect((await logIn(person.username, 'cafe\u0301 di tepi danau')).status).toBe(200);
});

test('guessing at one account is stopped from every address, even with the right password, and others are not affected', async () => {
  const { person } = await registerAndLogIn(service);
  const { person: other } = await registerAndLogIn(service);
  const answers = await Promise.all(
    Array.from({ length: 14 }, () => logIn(person.email, 'not the password', randomAddress())),
  );
  expect(answers.filter(({ status }) => status === 401)).toHaveLength(10);
  const denied = await logIn(person.email, PASSWORD, randomAddress());
  expect(denied.status).toBe(429);
  expect(denied.body.code).toBe('rate_limited');
  expect(denied.headers.get('ratelimit-policy')).toBe('"login-account";q=10;w=300, "login-address";q=100;w=60');
  expect(denied.headers.get('ratelimit')).toMatch(/^"login-account";r=0;t=\d+, "login-address";r=100;t=60$/);
  const wait = Number(denied.headers.get('retry-after'));
  expect(wait).toBeGreaterThan(200);
  expect(wait).toBeLessThanOrEqual(300);
  expect((await logIn(other.email)).status).toBe(200);
});

test('guessing at many accounts from one address is stopped', async () => {
  const address = randomAddress();
  const answers = [];
  // A few at a time: with all of them at once a busy machine keeps Redis waiting until the instance counts by itself.
  for (let round = 0; round < 12; round++) {
    const guesses = Array.from({ length: 10 }, () => logIn(newPerson().username, PASSWORD, address));
    answers.push(...(await Promise.all(guesses)));
  }
  const counted = answers.filter(({ status }) => status !== 429);
  expect(counted).toHaveLength(100);
  expect((await logIn(newPerson().username, PASSWORD, randomAddress())).status).toBe(401);
});

test('a right password clears the count of wrong ones', async () => {
  const { person } = await registerAndLogIn(service);
  for (let round = 0; round < 3; round++) {
    for (let wrong = 0; wrong < 5; wrong++) expect((await logIn(person.phone, 'wrong')).status).toBe(401);
    expect((await logIn(person.phone)).status).toBe(200);
  }
});

test('input of another shape is refused with its field, and SQL in it is only text', async () => {
  const cases: [unknown, string][] = [
    [{ identifier: '', password: PASSWORD }, '/identifier'],
    [{ identifier: 'a'.repeat(255), password: PASSWORD }, '/identifier'],
    [{ identifier: { $ne: null }, password: PASSWORD }, '/identifier'],
    [{ identifier: 'someone', password: 'x'.repeat(513) }, '/password'],
    [{ identifier: 'someone', password: 'nul\u0000byte' }, '/password'],
    [{ identifier: '\udfff', password: PASSWORD }, '/identifier'],
    [{ identifier: 'someone' }, '/password'],
    [{ identifier: 'someone', password: PASSWORD, remember: true }, '/remember'],
    [[], '/identifier'],
    ['"text"', ''],
    ['null', ''],
  ];
  for (const [body, pointer] of cases) {
    const answer = await service.call('/v1/login', { body });
    expect([JSON.stringify(body), answer.status, answer.body.errors?.[0]?.pointer]).toEqual([
      JSON.stringify(body),
      422,
      pointer,
    ]);
  }
  expect((await logIn("' or 1=1 --")).status).toBe(401);
});

test('broken JSON, large bodies, other media types and forged events are refused and the process lives', async () => {
  const attempts = [
    [{ body: '{"identifier": ' }, 400, 'malformed_json'],
    [{ body: 'x'.repeat(2 * 1024 * 1024) }, 413, 'payload_too_large'],
    [{ body: '{}', headers: { 'content-type': 'text/plain' } }, 415, 'unsupported_media_type'],
    [{ body: '{}', headers: { 'content-type': 'application/cloudevents+json' } }, 415, 'unsupported_media_type'],
    [{ body: '{}', headers: { 'ce-type': 'one-gate.payment.succeeded' } }, 400, 'cloudevent_refused'],
    [{ method: 'GET' }, 405, 'method_not_allowed'],
  ] as const;
  for (const path of ['/v1/login', '/v1/register', '/v1/refresh']) {
    for (const [request, status, code] of attempts) {
      const answer = await service.call(path, request);
      expect([path, answer.status, answer.body?.code]).toEqual([path, status, code]);
    }
  }
  expect((await registerAndLogIn(service)).tokens.token_type).toBe('Bearer');
});
