// POST /v1/register: creates a person or a merchant, with an empty account. Only a username is unique. E-mail addresses
// and phone numbers are claims: several people may register the same one, so a stranger learns nothing about other
// users, and a claim finds its user only after it is proven.

import * as v from 'valibot';
import { hashPassword } from '../../shared/passwords/hash.ts';
import { LONGEST_PASSWORD, SHORTEST_PASSWORD } from '../../shared/passwords/length.ts';
import { weaknessOf } from '../../shared/passwords/rules.ts';
import { type Quota, throttle } from '../../shared/platform/cache/throttle.ts';
import { query, sqlState } from '../../shared/platform/database/database.ts';
import { emailSchema } from '../../shared/platform/http/email.ts';
import { anyone, defineFunction } from '../../shared/platform/http/function.ts';
import { Problem } from '../../shared/platform/http/problem.ts';
import { maxCharacters, minCharacters, visible } from '../../shared/platform/http/text.ts';
import { addressOf } from '../../shared/sessions/address.ts';
import { normaliseName, normalisePhone, PHONE_PATTERN, USERNAME_PATTERN } from '../../shared/sessions/identifier.ts';

/** The limit is wide because a mobile operator puts thousands of people behind one address. */
const PER_ADDRESS: Quota = { name: 'register-address', limit: 60, windowSeconds: 60 };
/** Counts attempts that met a taken name. A successful registration is given back. */
const CLASHES_PER_ADDRESS: Quota = { name: 'register-clash', limit: 100, windowSeconds: 3_600 };

const Body = v.strictObject({
  username: v.pipe(
    v.string(),
    visible,
    v.regex(USERNAME_PATTERN, 'must have 3 to 30 letters, digits, dots or underscores, and at least one letter'),
    v.description('Kept in lower case. Others find you by it to pay you. It is never given to another user.'),
    v.examples(['siti.rahayu']),
  ),
  email: v.pipe(emailSchema, v.examples(['siti@example.com'])),
  phone: v.pipe(
    v.string(),
    visible,
    v.regex(PHONE_PATTERN, 'must be a phone number such as +6281234567890 or 081234567890'),
    v.description(
      'With its country code (+62...), or an Indonesian number as dialled in Indonesia (08...). Kept as E.164.',
    ),
    v.examples(['081234567890']),
  ),
  password: v.pipe(
    v.string(),
    minCharacters(SHORTEST_PASSWORD),
    maxCharacters(LONGEST_PASSWORD),
    v.description('Any characters. Common passwords and your own names are refused.'),
    v.examples(['kuda putih di tepi danau']),
  ),
  type: v.optional(v.picklist(['user', 'merchant']), 'user'),
});

const Answer = v.object({
  user: v.object({
    id: v.pipe(v.string(), v.examples(['1024'])),
    username: v.pipe(v.string(), v.examples(['siti.rahayu'])),
    email: v.pipe(v.string(), v.examples(['siti@example.com'])),
    phone: v.pipe(v.string(), v.examples(['+6281234567890'])),
    type: v.picklist(['user', 'merchant']),
    created_at: v.pipe(v.string(), v.isoTimestamp()),
  }),
  account: v.object({
    id: v.pipe(v.string(), v.uuid()),
    balance: v.pipe(v.string(), v.examples(['0.00'])),
    currency: v.pipe(v.string(), v.examples(['IDR'])),
    status: v.picklist(['ACTIVE', 'SUSPENDED', 'CLOSED']),
  }),
});

export default defineFunction({
  name: 'register',
  summary: 'Register a person or a merchant',
  description:
    'Creates the user and an empty account. If the username is taken, the answer is already_registered. Others may ' +
    'have registered the same e-mail address or phone number. Nobody can find or pay you by one of them before you ' +
    'have proven that it is yours. If the answer is lost, log in with the username instead of registering again.',
  uses: { database: 'identity', redis: true, kafka: true, accessTokens: 'verify' },
  http: {
    route: 'POST /v1/register',
    limit: { perMinute: 30, by: 'address' },
    caller: anyone,
    body: Body,
    answer: Answer,
    status: 201,
    errors: ['already_registered', 'rate_limited'],
    handle: async ({ body, headers }) => {
      const registration = await readRegistration(body);
      const address = addressOf(headers);
      const onClash = { quota: CLASHES_PER_ADDRESS, subject: address };
      const attempt = await throttle([{ quota: PER_ADDRESS, subject: address }, onClash]);
      // Hashing comes before the look-up, so that a taken and a free username cost the same time.
      const hash = await hashPassword(registration.password);
      const made = await insert(registration, hash);
      if (made === 'taken') throw new Problem('already_registered', { headers: attempt.headers });
      await attempt.giveBack(onClash);
      return { data: made, headers: attempt.headers };
    },
  },
});

type Registration = v.InferOutput<typeof Body>;

/** Returns the names in their stored spelling. Throws a Problem for an unusable phone number or password. */
async function readRegistration(body: Registration): Promise<Registration> {
  const phone = await normalisePhone(body.phone);
  if (!phone) refuse('/phone', 'must be a phone number such as +6281234567890 or 081234567890');
  const username = normaliseName(body.username);
  const { email } = body;
  const names = [
    username,
    email,
    email.split('@', 1)[0] ?? '',
    phone,
    phone.slice(1),
    body.phone,
    phone.replace('+62', '0'),
  ];
  const weakness = await weaknessOf(body.password, names);
  if (weakness) refuse('/password', weakness);
  return { ...body, username, email, phone };
}

function refuse(pointer: string, detail: string): never {
  throw new Problem('invalid_request', { errors: [{ pointer, detail }] });
}

type Row = { id: string; created_at: Date; account_id: string; balance: string; currency: string; status: 'ACTIVE' };

/** Inserts the user and the account in one statement, and so in one transaction. */
async function insert(
  { username, email, phone, type }: Registration,
  hash: string,
): Promise<v.InferOutput<typeof Answer> | 'taken'> {
  try {
    const [row] = await query<Row>({
      name: 'register',
      text: `with person as (
               insert into users (username, email, phone, password, type) values ($1, $2, $3, $4, $5)
               returning id, created_at),
             account as (
               insert into accounts (user_id, kind, currency) select id, $6::account_kind_enum, 'IDR' from person
               returning id, balance, currency, account_status)
             select person.id, person.created_at, account.id as account_id, account.balance, account.currency,
                    account.account_status as status
               from person, account`,
      values: [username, email, phone, hash, type, type === 'merchant' ? 'MERCHANT' : 'PERSON'],
    });
    if (!row) throw new Error('the insert returned no user');
    const { id, created_at, account_id, balance, currency, status } = row;
    return {
      user: { id, username, email, phone, type, created_at: created_at.toISOString() },
      account: { id: account_id, balance, currency, status },
    };
  } catch (error) {
    if (sqlState(error) === UNIQUE_VIOLATION) return 'taken';
    throw error;
  }
}

const UNIQUE_VIOLATION = '23505';
