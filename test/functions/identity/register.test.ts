import { randomInt } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import pg from 'pg';
import { type IdentityService, newPerson, PASSWORD, randomAddress, serveIdentity } from './identity-service.ts';

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

const register = (body: unknown, headers?: Record<string, string>) =>
  service.call('/v1/register', { body, ...(headers && { headers }) });

test('a person gets a user and an empty account, a merchant one of another kind', async () => {
  const person = newPerson();
  const answer = await register(person);
  expect(answer.status).toBe(201);
  expect(answer.body.data).toEqual({
    user: {
      id: expect.stringMatching(/^\d+$/),
      username: person.username,
      email: person.email,
      phone: person.phone,
      type: 'user',
      created_at: expect.stringMatching(/Z$/),
    },
    account: { id: expect.stringMatching(/^[0-9a-f-]{36}$/), balance: '0.00', currency: 'IDR', status: 'ACTIVE' },
  });
  const merchant = await register({ ...newPerson(), type: 'merchant' });
  const kinds = await admin.query('select kind from accounts where id = any($1) order by kind', [
    [answer.body.data.account.id, merchant.body.data.account.id],
  ]);
  expect(kinds.rows).toEqual([{ kind: 'PERSON' }, { kind: 'MERCHANT' }]);
});

test('names are kept in one spelling', async () => {
  const { username } = newPerson();
  const digits = String(Math.floor(Math.random() * 1e8)).padStart(8, '1');
  const answer = await register({
    username: username.toUpperCase(),
    email: `${username.toUpperCase()}@Example.COM`,
    phone: `0812-${digits.slice(0, 4)}-${digits.slice(4)}`,
    password: PASSWORD,
  });
  expect(answer.body.data.user).toMatchObject({ username, email: `${username}@example.com`, phone: `+62812${digits}` });
});

test('the password is kept as an Argon2id hash at the parameters of OWASP, and nowhere else', async () => {
  const person = newPerson();
  const answer = await register(person);
  const { rows } = await admin.query('select password from users where username = $1', [person.username]);
  expect(rows[0].password).toMatch(/^\$argon2id\$v=19\$m=7168,t=5,p=1\$/);
  expect(answer.text).not.toContain('argon2');
  expect(answer.text).not.toContain(PASSWORD);
});

test('a username is taken once, in upper or lower case', async () => {
  const person = newPerson();
  await register(person);
  for (const clash of [{ ...newPerson(), username: person.username.toUpperCase() }, person]) {
    const { status, body } = await register(clash);
    expect([status, body.code]).toEqual([409, 'already_registered']);
  }
});

test.each(['claimed', 'proven'])(
  'no answer tells that an e-mail address or a phone number is %s already',
  async (how) => {
    const person = newPerson();
    await register(person);
    if (how === 'proven') {
      await admin.query('update users set email_verified_at = now(), phone_verified_at = now() where username = $1', [
        person.username,
      ]);
    }
    const answers: { status: number; headers: string[]; fields: string[] }[] = [];
    for (const other of [
      newPerson(),
      { ...newPerson(), email: person.email.toUpperCase() },
      { ...newPerson(), phone: person.phone.replace('+62', '0') },
    ]) {
      const { status, headers, body } = await register(other);
      answers.push({ status, headers: [...headers.keys()].sort(), fields: Object.keys(body.data.user) });
    }
    expect(answers[0]?.status).toBe(201);
    expect(answers).toEqual(answers.map(() => answers[0]));
  },
);

test('of several registrations at once with the same names one succeeds, and no user is left without an account', async () => {
  const person = newPerson();
  const answers = await Promise.all(Array.from({ length: 6 }, () => register(person)));
  expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409, 409, 409, 409]);
  const { rows } = await admin.query(
    'select count(*)::int from users person left join accounts account on account.user_id = person.id where account.id is null',
  );
  expect(rows[0].count).toBe(0);
});

test('weak passwords are refused with the field, and never repeated in the answer', async () => {
  const person = { ...newPerson(), username: `Budi.Santoso${Date.now()}`.slice(0, 30) };
  const weak = [
    'short',
    'x'.repeat(129),
    'Password123',
    'bismillah123',
    'aaaaaaaaaaaa',
    'abcabcabcabc',
    '1234567890',
    'qwertyuiop',
    person.username.toLowerCase(),
    person.email.toUpperCase(),
    person.email.split('@')[0],
    person.phone,
    person.phone.replace('+62', '0'),
  ];
  for (const password of weak) {
    const answer = await register({ ...person, password });
    expect([password, answer.status, answer.body.code, answer.body.errors?.[0]?.pointer]).toEqual([
      password,
      422,
      'invalid_request',
      '/password',
    ]);
    expect(answer.text).not.toContain(`"${password}"`);
  }
  // Long passwords in any script are welcome, even without digits or capitals.
  for (const password of [
    'correct horse battery staple',
    'パスワードではないよほんと',
    `${'é'.repeat(3)} tiga kata acak`,
  ]) {
    expect((await register({ ...newPerson(), password })).status).toBe(201);
  }
});

test('a phone number is stored in one spelling, however it is written, invisible characters included', async () => {
  const number = String(randomInt(1e7, 1e8));
  const first = await register({ ...newPerson(), phone: `+49 151 ${number}` });
  expect([first.status, first.body.data?.user.phone]).toEqual([201, `+49151${number}`]);
  for (const phone of [
    `+49 (0)151 ${number}`,
    `+490151${number}`,
    `\u202a+49\u00a0151${number}\u202c`,
    `+49-151-${number}\u200b`,
  ]) {
    const again = await register({ ...newPerson(), phone });
    expect([phone, again.status, again.body.data?.user.phone]).toEqual([phone, 201, `+49151${number}`]);
  }
});

test('an e-mail address is stored in one spelling, and may have an apostrophe or another script', async () => {
  const name = `o'brien${randomInt(1e9)}`;
  const first = await register({ ...newPerson(), email: `${name}@bücher.example` });
  expect([first.status, first.body.data?.user.email]).toEqual([201, `${name}@xn--bcher-kva.example`]);
  for (const email of [`${name.toUpperCase()}@xn--bcher-kva.example`, `\u200b${name}@BÜCHER.example `]) {
    const again = await register({ ...newPerson(), email });
    expect([email, again.status, again.body.data?.user.email]).toEqual([email, 201, `${name}@xn--bcher-kva.example`]);
  }
  const loggedIn = await service.call('/v1/login', {
    body: { identifier: `${name}@Bücher.example`, password: PASSWORD },
  });
  expect(loggedIn.status).toBe(200);
});

test('every unusable field is named and nothing is written', async () => {
  const before = await admin.query('select count(*)::int from users');
  const good = newPerson();
  const cases: [object, string][] = [
    [{ ...good, username: 'ab' }, '/username'],
    [{ ...good, username: 'a'.repeat(31) }, '/username'],
    [{ ...good, username: 'with space' }, '/username'],
    [{ ...good, username: '0812345678' }, '/username'],
    [{ ...good, username: 'ádám' }, '/username'],
    [{ ...good, username: 5 }, '/username'],
    [{ ...good, email: 'nobody' }, '/email'],
    [{ ...good, email: `${'a'.repeat(250)}@example.com` }, '/email'],
    [{ ...good, email: `${'a'.repeat(65)}@example.com` }, '/email'],
    [{ ...good, phone: '12' }, '/phone'],
    [{ ...good, phone: '0812345' }, '/phone'],
    [{ ...good, phone: '5551234567' }, '/phone'],
    [{ ...good, phone: '+62 0' }, '/phone'],
    [{ ...good, password: null }, '/password'],
    [{ ...good, password: ['kuda putih di tepi danau'] }, '/password'],
    [{ ...good, type: 'regulator' }, '/type'],
    [{ ...good, role: 'admin' }, '/role'],
    [{ ...good, username: 'nul\u0000byte' }, '/username'],
    [{ ...good, email: '\ud800@example.com' }, '/email'],
    [{ ...good, __proto__: undefined, id: 1 }, '/id'],
    [{ username: good.username, email: good.email, phone: good.phone }, '/password'],
  ];
  for (const [body, pointer] of cases) {
    const answer = await register(body);
    expect([pointer, answer.status, answer.body.errors?.[0]?.pointer]).toEqual([pointer, 422, pointer]);
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
  }
  expect((await admin.query('select count(*)::int from users')).rows).toEqual(before.rows);
});

test('name clashes are counted per address, registrations are not, and an address that tries a list of names is stopped', async () => {
  const person = newPerson();
  const headers = { 'x-real-ip': randomAddress() };
  const clashesLeft = (answer: { headers: Headers }) =>
    Number(/"register-clash";r=(\d+)/.exec(answer.headers.get('ratelimit') ?? '')?.[1]);
  await register(person, headers);
  const first = await register({ ...newPerson(), username: person.username }, headers);
  expect([first.status, clashesLeft(first)]).toEqual([409, 99]);
  await register(newPerson(), headers);
  expect(clashesLeft(await register({ ...newPerson(), username: person.username }, headers))).toBe(98);

  let last = first;
  for (let attempts = 0; last.status === 409 && attempts < 100; attempts++) last = await register(person, headers);
  expect(last.status).toBe(429);
  expect(Number(last.headers.get('retry-after'))).toBeGreaterThan(0);
});
