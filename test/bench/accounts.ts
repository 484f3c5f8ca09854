// The accounts of the benchmark: people with an opening balance that the ledger agrees with (a settled top-up each), and one merchant.

import type pg from 'pg';
import { hashPassword } from '../../shared/passwords/hash.ts';
import { GOPAY_CLEARING } from '../setup/gopay-accounts.ts';
import { PASSWORD } from './requests.ts';
import type { Person } from './tokens.ts';

/** Enough for every payment a run can make. */
const OPENING_BALANCE = '1000000.00';

/** Makes them with a session each; the merchant is the last. `client` owns the tables. */
export async function makeAccounts(client: pg.Client, count: number): Promise<Person[]> {
  await client.query('begin');
  await client.query(
    `insert into users (username, email, phone, password, type)
     select name, name || '@example.test', '+62' || (80000000000 + number), 'none',
            case when number = $1 then 'merchant' else 'user' end::user_type_enum
       from (select number, 'bench_' || lpad(number::text, 6, '0') as name from generate_series(0, $1::int) as number) as person
      order by number`,
    [count],
  );
  await client.query(
    `insert into accounts (user_id, kind) select id, case type when 'user' then 'PERSON' else 'MERCHANT' end::account_kind_enum
       from users order by id`,
  );
  await client.query(
    `insert into sessions (user_id, expires_at) select id, now() + interval '1 day' from users order by id`,
  );
  await topUpEverybody(client);
  const { rows } = await client.query<Person>(
    `select person.id as "userId", account.id as "accountId", person.username, session.id as "sessionId", person.type
       from users person join accounts account on account.user_id = person.id join sessions session on session.user_id = person.id
      order by person.id`,
  );
  await client.query('commit');
  // Tables that are still empty are left out: the planner would believe that they stay so.
  await client.query('vacuum analyze users, accounts, sessions, historical_transactions');
  return rows;
}

/** Gives every user the password of the load; without it no user can log in. */
export async function allowLogin(client: pg.Client): Promise<void> {
  await client.query('update users set password = $1', [await hashPassword(PASSWORD)]);
}

// One statement, since the ledger's triggers check each: the legs of an operation have to sum to zero by then.
async function topUpEverybody(client: pg.Client): Promise<void> {
  await client.query(
    `with receiver as (
       select id, user_id, row_number() over (order by user_id) as number, (left(uuidv7()::text, 35) || '0')::uuid as operation_id
         from accounts where user_id is not null
     ), leg as (
       select operation_id, '2' as place, user_id, id as account_id, 1 as leg_number, 'CREDIT' as direction, 0 as balance_before,
              $1::numeric as balance_after, $2::uuid as counterparty_id
         from receiver
       union all
       select operation_id, '1', null, $2, number, 'DEBIT', -$1::numeric * (number - 1), -$1::numeric * number, id
         from receiver
     )
     insert into historical_transactions (id, operation_id, user_id, account_id, leg_number, transaction_type, transaction_status,
            direction, amount, balance_before, balance_after, payment_method, counterparty_id)
     select (left(operation_id::text, 35) || place)::uuid, operation_id, user_id, account_id, leg_number, 'TOPUP', 'SUCCESS',
            direction::direction_enum, $1, balance_before, balance_after, 'GOPAY', counterparty_id
       from leg`,
    [OPENING_BALANCE, GOPAY_CLEARING],
  );
}
