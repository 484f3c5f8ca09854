// A merchant whose history has a million legs, and people who have a hundred each: a year of payments, written by SQL as the ledger would
// have written them, with its triggers looking on.

import type pg from 'pg';
import { makePastPartitions } from '../setup/past-partitions.ts';

export interface LongHistory {
  legs: number;
  /** The first payment. */
  from: Date;
}

const MONTHS = 12;
/** Legs of each person, besides the top-up. */
const PER_PERSON = 100;
/** Payments of each person in one statement. */
const AT_ONCE = 5;

/**
 * On a database with `makeAccounts`' people, of which each pays the merchant a hundred times, in turn. `client` is the superuser's. The
 * merchant's legs lie between those of others, as they would.
 */
export async function makeLongHistory(client: pg.Client): Promise<LongHistory> {
  await makePastPartitions(client, MONTHS + 1);
  await openEarlier(client);
  const counted = await client.query<{ people: number }>(
    "select count(*)::int as people from accounts where kind = 'PERSON'",
  );
  const payments = (counted.rows[0]?.people ?? 0) * PER_PERSON;
  const from = new Date();
  from.setUTCMonth(from.getUTCMonth() - MONTHS);
  const stepMs = (Date.now() - 60_000 - from.getTime()) / payments;
  for (let round = 0; round < PER_PERSON; round += AT_ONCE) await payInTurn(client, round, from, stepMs);
  await client.query('vacuum analyze accounts, historical_transactions');
  return { legs: payments, from };
}

// The opening top-ups were a moment ago; they become older than what follows. Only here: history is changed behind the triggers' back.
async function openEarlier(client: pg.Client): Promise<void> {
  await client.query('begin');
  await client.query('set local session_replication_role = replica');
  await client.query(
    `with earlier as (
       select operation_id, (left(uuidv7(make_interval(months => -$1::int))::text, 35) || '0')::uuid as id, now() - make_interval(months => $1::int) as made
         from (select distinct operation_id from historical_transactions) opened)
     update historical_transactions leg
        set id = (left(earlier.id::text, 35) || right(leg.id::text, 1))::uuid, operation_id = earlier.id, created_at = made, updated_at = made
       from earlier where earlier.operation_id = leg.operation_id`,
    [MONTHS + 1],
  );
  await client.query('update accounts set created_at = now() - make_interval(months => $1::int)', [MONTHS + 1]);
  await client.query('commit');
}

// Each person pays 1.00 AT_ONCE times, one payment after the other; the last times are those of the round.
async function payInTurn(client: pg.Client, round: number, from: Date, stepMs: number): Promise<void> {
  await client.query(
    `with person as materialized (
       select id, user_id, balance, version, row_number() over (order by user_id) - 1 as place, count(*) over () as people
         from accounts where kind = 'PERSON'
     ), merchant as materialized (
       select id, user_id, balance, version from accounts where kind = 'MERCHANT'
     ), payment as materialized (
       select person.*, turn, turn * people + place as number, $3::timestamptz + ($2::float8 * (($1::int + turn) * people + place)) * interval '1 ms' as made
         from person, generate_series(0, $4::int - 1) turn
     ), operation as materialized (
       select payment.*, left(uuidv7(made - clock_timestamp())::text, 35) as stem from payment
     ), leg as (
       select stem, '1' as place, user_id, id as account_id, version + turn + 1 as leg_number, 'DEBIT' as direction, balance - turn as balance_before,
              balance - turn - 1 as balance_after, (select id from merchant) as counterparty_id, made, number
         from operation
       union all
       select stem, '2', merchant.user_id, merchant.id, merchant.version + number + 1, 'CREDIT', merchant.balance + number,
              merchant.balance + number + 1, operation.id, made, number
         from operation, merchant
     )
     insert into historical_transactions (id, operation_id, user_id, account_id, leg_number, transaction_type, transaction_status, direction,
            amount, balance_before, balance_after, counterparty_id, external_reference, created_at, updated_at)
     select (stem || place)::uuid, (stem || '0')::uuid, user_id, account_id, leg_number, 'PAYMENT', 'SUCCESS', direction::direction_enum,
            1, balance_before, balance_after, counterparty_id, 'INV-' || $1::int || '-' || number, made, made
       from leg order by number, place`,
    [round, stepMs, from, AT_ONCE],
  );
}
