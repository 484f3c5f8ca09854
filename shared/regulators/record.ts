// A transaction as regulators read it: one flat record, the same in pages, NDJSON and CSV. A page reads its columns.
// For an export the database writes the lines, so that this process only sends them.

import * as v from 'valibot';
import { paymentMethodSchema } from '../providers/providers.ts';

const amount = (meaning: string) =>
  v.pipe(v.string(), v.description(`${meaning}, a decimal string with two decimals.`), v.examples(['150000.00']));
const uuid = (meaning: string) => v.pipe(v.string(), v.uuid(), v.description(meaning));
const text = (meaning: string, example: string) =>
  v.pipe(v.nullable(v.string()), v.description(meaning), v.examples([example]));

const identity = v.object({
  username: v.pipe(v.string(), v.description('As registered. It never changes hands.')),
  email: v.pipe(v.string(), v.description('As registered. Other users may have registered the same one.')),
  phone: v.pipe(v.string(), v.description('E.164, as registered. Other users may have registered the same one.')),
});

interface Field {
  schema: v.GenericSchema;
  /**
   * SQL over `leg`, and over `person`, `other` and `stranger` (the user of its account, the counterparty's account and
   * user).
   */
  sql: string;
  /**
   * How the value is written: `always` as it is and never null, `perhaps` as it is or null, `free` as text that a user
   * has written, `json` as JSON.
   */
  kind: 'always' | 'perhaps' | 'free' | 'json';
  /** Null unless the regulator names a case. */
  personal?: true;
}

const time = (moment: string) => `to_char(${moment} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;
const nameOf = (user: string) => `${user}.masked_name`;

export const FIELDS = {
  id: {
    sql: 'leg.id',
    kind: 'always',
    schema: uuid('The record’s id. Ids grow with time; resume an export after one.'),
  },
  transaction_id: {
    sql: 'leg.transaction_id',
    kind: 'always',
    schema: v.pipe(
      v.string(),
      v.description('The id that people quote.'),
      v.examples(['PAY-01A192E762807ABC8DEF012345678901']),
    ),
  },
  operation_id: {
    sql: 'leg.operation_id',
    kind: 'always',
    schema: uuid('The movement of money. The record is its payer’s side, or the wallet’s side of a top-up.'),
  },
  type: {
    sql: 'leg.transaction_type',
    kind: 'always',
    schema: v.pipe(
      v.picklist(['TOPUP', 'PAYMENT', 'REFUND', 'TRANSFER']),
      v.description(
        'TOPUP: from a provider into a wallet; PAYMENT: to a merchant or person for something; REFUND: a payment ' +
          'given back; TRANSFER: between people.',
      ),
    ),
  },
  status: {
    sql: 'leg.transaction_status',
    kind: 'always',
    schema: v.pipe(
      v.picklist(['PENDING', 'SUCCESS', 'FAILED', 'CANCELLED']),
      v.description(
        'Only SUCCESS has moved money. PENDING may still become any other status; the others never change.',
      ),
    ),
  },
  direction: {
    sql: 'lower(leg.direction::text)',
    kind: 'always',
    schema: v.pipe(v.picklist(['debit', 'credit']), v.description('Seen from `account_id`.')),
  },
  amount: { sql: 'leg.amount', kind: 'always', schema: amount('How much') },
  currency: {
    sql: 'leg.currency',
    kind: 'always',
    schema: v.pipe(v.string(), v.description('ISO 4217.'), v.examples(['IDR'])),
  },
  balance_before: { sql: 'leg.balance_before', kind: 'always', schema: amount('The balance of `account_id` before') },
  balance_after: { sql: 'leg.balance_after', kind: 'always', schema: amount('The balance afterwards') },
  payment_method: {
    sql: 'leg.payment_method',
    kind: 'perhaps',
    schema: v.pipe(
      v.nullable(paymentMethodSchema),
      v.description('The provider of a top-up’s money. Null for other types.'),
    ),
  },
  account_id: { sql: 'leg.account_id', kind: 'always', schema: uuid('The wallet that this side belongs to.') },
  user_id: {
    sql: 'person.pseudonym',
    kind: 'perhaps',
    schema: v.pipe(
      v.nullable(v.string()),
      v.description(
        'The owner’s pseudonym. It never changes; `user_id` in a query finds the same person’s transactions.',
      ),
    ),
  },
  user_name: {
    sql: nameOf('person'),
    kind: 'free',
    schema: text('The owner’s name, masked.', 's**i'),
  },
  user_type: {
    sql: 'person.type',
    kind: 'perhaps',
    schema: v.pipe(v.nullable(v.picklist(['user', 'merchant'])), v.description('A person or a merchant.')),
  },
  counterparty_account_id: {
    sql: 'leg.counterparty_id',
    kind: 'perhaps',
    schema: v.pipe(
      v.nullable(v.string()),
      v.description('The other side’s account: a wallet or an account of One Gate.'),
    ),
  },
  counterparty_user_id: {
    sql: 'stranger.pseudonym',
    kind: 'perhaps',
    schema: v.pipe(v.nullable(v.string()), v.description('`user_id` of the other side.')),
  },
  counterparty_name: {
    sql: `coalesce(${nameOf('stranger')}, other.name)`,
    kind: 'free',
    schema: text('The other side’s masked name, or the name of One Gate’s account.', 'w****g s**i'),
  },
  counterparty_type: {
    sql: `coalesce(stranger.type::text, case when other.id is not null then 'system' end)`,
    kind: 'perhaps',
    schema: v.pipe(
      v.nullable(v.picklist(['user', 'merchant', 'system'])),
      v.description('The kind of the other side.'),
    ),
  },
  external_reference: {
    sql: 'leg.external_reference',
    kind: 'free',
    schema: text('The merchant’s or the provider’s own reference.', 'INV-2026-0815'),
  },
  refund_of: {
    sql: 'leg.refund_of',
    kind: 'perhaps',
    schema: v.pipe(v.nullable(v.string()), v.description('The operation_id of the payment that a refund gives back.')),
  },
  created_at: {
    // The time that orders the list and that its filters compare, to the millisecond.
    sql: time('uuid_extract_timestamp(leg.id)'),
    kind: 'always',
    schema: v.pipe(v.string(), v.isoTimestamp(), v.description('UTC. `from` and `to` compare this time.')),
  },
  updated_at: {
    sql: time('leg.updated_at'),
    kind: 'always',
    schema: v.pipe(v.string(), v.isoTimestamp(), v.description('UTC. The time of the last change of status.')),
  },
  description: {
    sql: 'leg.description',
    kind: 'free',
    personal: true,
    schema: text('The payer’s text. Null unless you name a case.', 'Lunch'),
  },
  user_identity: {
    sql: identityOf('person'),
    kind: 'json',
    personal: true,
    schema: v.pipe(v.nullable(identity), v.description('The owner’s identity. Null unless you name a case.')),
  },
  counterparty_identity: {
    sql: identityOf('stranger'),
    kind: 'json',
    personal: true,
    schema: v.pipe(v.nullable(identity), v.description('`user_identity` of the other side.')),
  },
} as const satisfies Record<string, Field>;

function identityOf(user: string): string {
  return `case when ${user}.id is not null
    then json_build_object('username', ${user}.username, 'email', ${user}.email, 'phone', ${user}.phone) end`;
}

type FieldName = keyof typeof FIELDS;
const NAMES = Object.keys(FIELDS) as FieldName[];

export const recordSchema = v.pipe(
  v.object(
    Object.fromEntries(NAMES.map((name) => [name, FIELDS[name].schema])) as {
      [Name in FieldName]: (typeof FIELDS)[Name]['schema'];
    },
  ),
  v.title('RegulatedTransaction'),
);
export type RegulatedTransaction = v.InferOutput<typeof recordSchema>;

/**
 * The tables that the expressions use beside `leg`. `offset 0` makes the planner look each row up by its key. It can
 * only guess how many legs lie between two ids, and after a high guess it would read all users for a few thousand legs.
 */
export const JOINS = `
  left join lateral (${userBy('leg.user_id')}) person on true
  left join lateral (select id, name, user_id from accounts where accounts.id = leg.counterparty_id offset 0) other on true
  left join lateral (${userBy('other.user_id')}) stranger on true`;

function userBy(id: string): string {
  return `select id, username, email, phone, type, pseudonym, masked_name from users where users.id = ${id} offset 0`;
}

/** Selects one side of each transaction, so that each is listed once: the payer's, or the wallet's of a top-up. */
export const COUNTS = `(leg.direction = 'DEBIT') <> (leg.transaction_type = 'TOPUP') and leg.user_id is not null`;

/** SQL for the columns of a record, in its order. `unmasked` includes personal data. */
export function columns(unmasked: boolean): string {
  return NAMES.map((name) => {
    const { sql, kind, ...rest } = FIELDS[name];
    if ('personal' in rest && !unmasked) return `null as ${name}`;
    return `${kind === 'json' ? sql : `(${sql})::text`} as ${name}`;
  }).join(', ');
}

/** SQL for a record as one line of JSON. `unmasked` includes personal data. */
export function jsonLine(unmasked: boolean): string {
  // The database writes tens of thousands of lines a second, so text and values are joined by ||, which takes half as
  // long as concat.
  const pieces: string[] = [];
  let text = '{';
  const value = (sql: string) => {
    pieces.push(`'${text}'`, sql);
    text = '';
  };
  for (const [place, name] of NAMES.entries()) {
    const { sql, kind, ...rest } = FIELDS[name];
    text += `${place === 0 ? '' : ','}"${name}":`;
    if ('personal' in rest && !unmasked) text += 'null';
    else if (kind === 'perhaps') value(`coalesce('"' || (${sql})::text || '"', 'null')`);
    else if (kind === 'free') value(`coalesce(to_json((${sql})::text)::text, 'null')`);
    else if (kind === 'json') value(`coalesce((${sql})::text, 'null')`);
    else {
      text += '"';
      value(`(${sql})::text`);
      text = '"';
    }
  }
  return [...pieces, `'${text}}'`].join(' || ');
}

/** The first line of a CSV file. */
export const CSV_HEAD = NAMES.filter((name) => !('personal' in FIELDS[name])).join(',');

/**
 * SQL for a record as one line of CSV (RFC 4180). Text from users is quoted, and gets a leading ' if a spreadsheet
 * would take it for a formula.
 */
export function csvLine(): string {
  const cells = NAMES.filter((name) => !('personal' in FIELDS[name])).map((name) => {
    const { sql, kind } = FIELDS[name];
    // concat makes an empty cell of null.
    if (kind !== 'free') return sql;
    return `'"' || regexp_replace(replace(${sql}, '"', '""'), '^([=+@\\t\\r-])', '''\\1') || '"'`;
  });
  return `concat(${cells.join(`, ',', `)})`;
}
