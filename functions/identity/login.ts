// POST /v1/login: checks the password and opens a session. A wrong password, an unknown identifier and an impossible
// name take the same time and get the same answer, so that a stranger cannot learn which users exist.

import * as v from 'valibot';
import { hashPassword, needsRehash, prepareHashing, verifyPassword } from '../../shared/passwords/hash.ts';
import { type Quota, throttle } from '../../shared/platform/cache/throttle.ts';
import { query } from '../../shared/platform/database/database.ts';
import { anyone, defineFunction } from '../../shared/platform/http/function.ts';
import { Problem } from '../../shared/platform/http/problem.ts';
import { maxCharacters, minCharacters } from '../../shared/platform/http/text.ts';
import { log } from '../../shared/platform/telemetry/log.ts';
import type { Caller } from '../../shared/sessions/access-token.ts';
import { addressOf } from '../../shared/sessions/address.ts';
import { type Identifier, readIdentifier, subjectOf } from '../../shared/sessions/identifier.ts';
import { openSession } from '../../shared/sessions/session.ts';
import { prepareTokens, TokenPair, tokenPair } from '../../shared/sessions/token-pair.ts';

/** Counts wrong passwords for one identifier. A right password clears the count. */
const PER_ACCOUNT: Quota = { name: 'login-account', limit: 10, windowSeconds: 300 };
/** The limit is wide because a mobile operator puts thousands of people behind one address. */
const PER_ADDRESS: Quota = { name: 'login-address', limit: 100, windowSeconds: 60 };

export default defineFunction({
  name: 'login',
  summary: 'Log in',
  description:
    'Takes a username, an e-mail address or a phone number, and the password. An e-mail address or a phone number ' +
    'that several people have registered belongs to the person who has proven it, and before a proof to the first ' +
    'who registered it. The access token lasts 15 minutes; the refresh token lasts 7 days and works once at ' +
    '/v1/refresh. A wrong password and an unknown identifier get the same answer.',
  uses: { database: 'identity', redis: true, accessTokens: 'sign' },
  http: {
    route: 'POST /v1/login',
    limit: { perMinute: 60, by: 'address' },
    caller: anyone,
    body: v.strictObject({
      identifier: v.pipe(
        v.string(),
        minCharacters(1),
        maxCharacters(254),
        v.description('Username, e-mail address or phone number.'),
        v.examples(['siti.rahayu', 'siti@example.com', '081234567890']),
      ),
      password: v.pipe(v.string(), minCharacters(1), maxCharacters(512), v.examples(['kuda putih di tepi danau'])),
    }),
    answer: TokenPair,
    status: 200,
    errors: ['invalid_credentials', 'rate_limited'],
    handle: async ({ body, headers }) => {
      const identifier = await readIdentifier(body.identifier);
      const onAccount = { quota: PER_ACCOUNT, subject: subjectOf(identifier) };
      const attempt = await throttle([onAccount, { quota: PER_ADDRESS, subject: addressOf(headers) }]);

      const [person] = await Promise.all([findPerson(identifier), prepareHashing()]);
      // This thread has nothing to do while another thread hashes.
      setImmediate(prepareTokens);
      if (!(await verifyPassword(person?.password, body.password)) || !person) {
        throw new Problem('invalid_credentials', { headers: attempt.headers });
      }
      await renewHash(person, body.password);
      const { userId, accountId, username, type } = person;
      const [session] = await Promise.all([
        openSession({ userId, accountId, username, type }),
        attempt.clear(onAccount),
      ]);
      return { data: await tokenPair(session), headers: attempt.headers };
    },
  },
});

interface Person extends Omit<Caller, 'sessionId'> {
  password: string;
}

// Several people may claim the same e-mail address or number. It belongs to the person who has proven it, otherwise to
// the first person who registered it.
const PEOPLE = {
  username: 'select id from users where username = $1',
  email: `
    (select id, 1 as place from users where email = $1 and email_verified_at is not null) union all
    (select id, 2 from users where email = $1 order by id limit 1) order by place limit 1`,
  phone: `
    (select id, 1 as place from users where phone = $1 and phone_verified_at is not null) union all
    (select id, 2 from users where phone = $1 order by id limit 1) order by place limit 1`,
} as const;

async function findPerson({ kind, value }: Identifier): Promise<Person | undefined> {
  const [person] = await query<Person>({
    name: `find_person_by_${kind}`,
    text: `select person.id as "userId", account.id as "accountId", person.username, person.type, person.password
             from (${PEOPLE[kind]}) named join users person on person.id = named.id
             join accounts account on account.user_id = person.id`,
    values: [value],
  });
  return person;
}

/**
 * Hashes the password again with today's parameters. Only a login has the password at hand. A failure here does not
 * fail the login.
 */
async function renewHash({ userId, password: stored }: Person, password: string): Promise<void> {
  try {
    if (!(await needsRehash(stored))) return;
    await query({
      text: 'update users set password = $3, updated_at = now() where id = $1 and password = $2',
      values: [userId, stored, await hashPassword(password)],
    });
  } catch (error) {
    log.warn({ error }, 'a password hash could not be renewed');
  }
}
