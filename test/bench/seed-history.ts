// `make seed-history`: ten million transactions of last month, written by SQL as the ledger would have written them, so
// that regulators' reading can be tried and measured at full size. The books stay in balance.
//   SEED_DATABASE_URL=<address of a superuser> make seed-history [TRANSACTIONS=10000000]      without it: the platform that runs here

import process from 'node:process';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { databaseHere } from '../../knative/local/admin.ts';
import { GOPAY_CLEARING } from '../setup/gopay-accounts.ts';

export interface SeededHistory {
  transactions: number;
  /** Days of last month, in Asia/Jakarta. */
  from: string;
  to: string;
}

const PEOPLE = 100_000;
const MERCHANTS = 500;
/** In every wallet to begin with: more than its owner spends in the month. */
const OPENING = '15000000.00';

/** `client` is a superuser's: the triggers that guard history are not asked, for this session alone. */
export async function seedHistory(
  client: pg.Client,
  transactions: number,
  say: (text: string) => void,
): Promise<SeededHistory> {
  // One transaction: lists and reports show it whole or not at all. Another user's top-up waits for it, since all of
  // them meet in the provider's account.
  await client.query('begin');
  await client.query("set local session_replication_role = replica; set local work_mem = '512MB'");
  await makePeople(client);
  const { from, to, days } = await lastMonth(client);
  const partition = await emptyPartition(client, from);
  const people = Math.max(1_000, Math.min(PEOPLE, Math.floor(transactions / 100)));
  await openWallets(client, partition, from, people);
  const perDay = Math.floor(transactions / days);
  for (let day = 0; day < days; day++) {
    const count = day === days - 1 ? transactions - perDay * (days - 1) : perDay;
    await writeDay(client, partition, { day, from, first: perDay * day, count, people });
    if (day % 5 === 4 || day === days - 1) say(`${day + 1} of ${days} days are written`);
  }
  say('indexes');
  await attach(client, partition, from);
  await client.query('commit');
  say('vacuum and analyze');
  await client.query('vacuum analyze users, accounts, historical_transactions');
  return { transactions, from, to };
}

async function lastMonth(client: pg.Client): Promise<{ from: string; to: string; days: number }> {
  const { rows } = await client.query<{ from: string; to: string; days: number }>(`
    select month::date::text as "from", (month + interval '1 month - 1 day')::date::text as "to",
           extract(day from month + interval '1 month - 1 day')::int as days
      from (select date_trunc('month', now() at time zone 'Asia/Jakarta') - interval '1 month' as month) last`);
  return rows[0] ?? { from: '', to: '', days: 1 };
}

// Once: a second seeding goes on with the same people.
async function makePeople(client: pg.Client): Promise<void> {
  await client.query(
    `with made as (
       insert into users (username, email, phone, password, type)
       select 'seed_' || kind || '_' || n, 'seed_' || kind || '_' || n || '@example.test', '+62899' || case kind when 'user' then '1' else '2' end || lpad(n::text, 7, '0'),
              'no login', kind::user_type_enum
         from (select 'user' as kind, n from generate_series(1, ${PEOPLE}) n union all select 'merchant', n from generate_series(1, ${MERCHANTS}) n) people
       on conflict do nothing returning id, type)
     insert into accounts (user_id, kind, verified_at, created_at)
     select id, case type when 'user' then 'PERSON' else 'MERCHANT' end::account_kind_enum, now(), now() - interval '1 year' from made`,
  );
  await client.query(`
    create temp table seed_people on commit drop as
    select row_number() over (order by person.id) - 1 as place, account.id as account_id, person.id as user_id, person.type
      from users person join accounts account on account.user_id = person.id
     where person.username like 'seed\\_user\\_%' or person.username like 'seed\\_merchant\\_%'`);
  await client.query(`
    create temp table seed_user on commit drop as select row_number() over (order by place)::int - 1 as place, account_id, user_id from seed_people where type = 'user';
    create temp table seed_merchant on commit drop as select row_number() over (order by place)::int - 1 as place, account_id, user_id from seed_people where type = 'merchant';
    create unique index on seed_user (place); create unique index on seed_merchant (place); analyze seed_user; analyze seed_merchant`);
}

/** A table for the month that is no partition yet: rows first, indexes once, at the end. */
async function emptyPartition(client: pg.Client, from: string): Promise<string> {
  const name = `historical_transactions_${from.slice(0, 7).replace('-', '_')}`;
  const { rows } = await client.query<{ there: string | null }>('select to_regclass($1)::text as there', [name]);
  if (rows[0]?.there) {
    const used = await client.query(`select 1 from ${name} limit 1`);
    if (used.rowCount)
      throw new Error(`There are transactions of last month already (${name}): seed an empty database.`);
    await client.query(`drop table ${name}`);
  }
  await client.query(
    `create table ${name} (like historical_transactions including defaults including constraints including generated)`,
  );
  return name;
}

/** As ensure_leg_partitions does it (0003). */
async function attach(client: pg.Client, name: string, from: string): Promise<void> {
  await client.query("set local maintenance_work_mem = '1GB'; set local max_parallel_maintenance_workers = 2");
  await client.query(`alter table ${name} add primary key (id)`);
  await client.query(`alter table ${name} add constraint ${name}_leg_number unique (account_id, leg_number)`);
  await client.query(`alter table ${name} owner to one_gate_migrator`);
  await client.query(
    `do $$ begin
       execute format('alter table historical_transactions attach partition ${name} for values from (%L) to (%L)',
         uuidv7_from('${from}'::timestamp at time zone 'Asia/Jakarta'),
         uuidv7_from(('${from}'::timestamp + interval '1 month') at time zone 'Asia/Jakarta'));
     end $$`,
  );
}

/** What both statements share: legs with their sums become rows, and accounts go where they lead. */
const writeInto = (partition: string) => `
  , placed as (
    select leg.*, account.version + row_number() over wallet as leg_number, account.balance + sum(signed) over wallet as after
      from leg join accounts account on account.id = leg.account_id
    window wallet as (partition by leg.account_id order by k, place rows unbounded preceding)
  ), written as (
    insert into ${partition} (id, operation_id, user_id, account_id, leg_number, transaction_type, transaction_status, direction,
           amount, balance_before, balance_after, payment_method, counterparty_id, external_reference, refund_of, is_accessible_external,
           created_at, updated_at)
    select (stem || place)::uuid, (stem || '0')::uuid, user_id, account_id, leg_number, type::transaction_type_enum,
           status::transaction_status_enum, case when place = 1 then 'DEBIT' else 'CREDIT' end::direction_enum, amount, after - signed, after,
           method::payment_method_enum, counterparty_id, reference, refund_of, k % 5000 <> 0, made, made + interval '3 seconds'
      from placed order by k, place
  )
  update accounts account
     set balance = account.balance + moved.signed, version = account.version + moved.legs, updated_at = moved.made,
         incoming_month = date_trunc('month', moved.made at time zone 'Asia/Jakarta')::date,
         incoming = case when kind <> 'PERSON' then 0
                         when account.incoming_month = date_trunc('month', moved.made at time zone 'Asia/Jakarta')::date then account.incoming + moved.incoming
                         else moved.incoming end
    from (select account_id, sum(signed) as signed, count(*) as legs, max(made) as made,
                 coalesce(sum(signed) filter (where signed > 0 and type <> 'REFUND'), 0) as incoming from leg group by account_id) moved
   where account.id = moved.account_id`;

async function openWallets(client: pg.Client, partition: string, from: string, people: number): Promise<void> {
  await client.query(
    `with operation as materialized (
       select place - $3::int as k, account_id, user_id, made, left(uuidv7(made - clock_timestamp())::text, 35) as stem
         from seed_user cross join lateral (select ($1::date::timestamp at time zone 'Asia/Jakarta') + place * interval '1 ms' as made) at
        where place < $3::int
     ), leg as materialized (
       select k, stem, 2 as place, account_id, user_id, $4::uuid as counterparty_id, 'TOPUP' as type, 'SUCCESS' as status, $2::numeric as amount,
              $2::numeric as signed, 'GOPAY' as method, null::text as reference, null::uuid as refund_of, made from operation
       union all
       select k, stem, 1, $4::uuid, null, account_id, 'TOPUP', 'SUCCESS', $2::numeric, -$2::numeric, 'GOPAY', null, null, made from operation
     ) ${writeInto(partition)}`,
    [from, OPENING, people, GOPAY_CLEARING],
  );
}

interface Day {
  day: number;
  from: string;
  first: number;
  count: number;
  people: number;
}

// Out of a thousand: 80 top-ups, 5 that failed or were cancelled, 10 refunds of the payment before, 70 transfers, the rest payments.
async function writeDay(client: pg.Client, partition: string, { day, from, first, count, people }: Day): Promise<void> {
  await client.query(
    `with drawn as materialized (
       select k, lot, before, made, left(uuidv7(made - clock_timestamp())::text, 35) as stem,
              case when lot < 85 then 'TOPUP' when lot < 95 and before >= 165 then 'REFUND' when lot between 95 and 164 then 'TRANSFER' else 'PAYMENT' end as type,
              case when lot between 80 and 83 then 'FAILED' when lot = 84 then 'CANCELLED' else 'SUCCESS' end as status
         from (select k, abs(hashint8extended(k, 1) % 1000) as lot, abs(hashint8extended(k - 1, 1) % 1000) as before,
                      ($1::date + $2::int)::timestamp at time zone 'Asia/Jakarta' + interval '2 minutes'
                        + (k - $3::bigint) * (interval '1436 minutes' / $4::float8) as made
                 from generate_series($3::bigint, $3::bigint + $4::int - 1) k) lots
     ), operation as materialized (
       select drawn.*, about,
              abs(hashint8extended(about, 2) % $5::int)::int as payer, abs(hashint8extended(about, 3) % ${MERCHANTS})::int as merchant,
              (10 + about % 90) * 1000 as paid, lag(stem) over (order by k) as stem_before
         from drawn cross join lateral (select case when type = 'REFUND' then k - 1 else k end as about) what
     ), movement as (
       select operation.*, payer.account_id as payer_account, payer.user_id as payer_user,
              case type when 'PAYMENT' then paid when 'REFUND' then paid / 2 when 'TRANSFER' then (20 + k % 480) * 1000
                else case when k % 20000 < 10 then 12000000 else (100 + k % 900) * 1000 end end::numeric as amount,
              case type when 'TOPUP' then $6::uuid when 'TRANSFER' then friend.account_id else shop.account_id end as other_account,
              case type when 'TOPUP' then null when 'TRANSFER' then friend.user_id else shop.user_id end as other_user
         from operation
         join seed_user payer on payer.place = operation.payer
         join seed_user friend on friend.place = (operation.payer + 1 + (k % ($5::int - 1))::int) % $5::int
         join seed_merchant shop on shop.place = operation.merchant
        where type <> 'REFUND' or stem_before is not null
     ), refunded as (
       insert into refunded_payments (operation_id, paid, refunded)
       select (stem_before || '0')::uuid, paid, amount from movement where type = 'REFUND'
     ), leg as materialized (
       -- The debit: of a top-up the provider's, of a refund the merchant's, of all others the payer's.
       select k, stem, 1 as place, case when type in ('TOPUP', 'REFUND') then other_account else payer_account end as account_id,
              case when type in ('TOPUP', 'REFUND') then other_user else payer_user end as user_id,
              case when type in ('TOPUP', 'REFUND') then payer_account else other_account end as counterparty_id, type, status, amount,
              -amount as signed, case type when 'TOPUP' then 'GOPAY' end as method, case type when 'PAYMENT' then 'INV-' || k end as reference,
              case type when 'REFUND' then (stem_before || '0')::uuid end as refund_of, made
         from movement where status = 'SUCCESS'
       union all
       select k, stem, 2, case when type in ('TOPUP', 'REFUND') then payer_account else other_account end,
              case when type in ('TOPUP', 'REFUND') then payer_user else other_user end,
              case when type in ('TOPUP', 'REFUND') then other_account else payer_account end, type, status, amount,
              case status when 'SUCCESS' then amount else 0 end, case type when 'TOPUP' then 'GOPAY' end,
              case type when 'PAYMENT' then 'INV-' || k end, case type when 'REFUND' then (stem_before || '0')::uuid end, made
         from movement
     ) ${writeInto(partition)}`,
    [from, day, first, count, people, GOPAY_CLEARING],
  );
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { transactions: { type: 'string', default: '10000000' } } });
  const transactions = Number(values.transactions);
  const url = process.env['SEED_DATABASE_URL'] ?? (await databaseHere('owner'));
  if (!Number.isInteger(transactions) || transactions < 1_000) {
    process.stderr.write('TRANSACTIONS must be a whole number of at least 1000.\n');
    process.exit(64);
  }
  if (!url) {
    process.stderr.write(
      'No platform is running here: start it with `make up`, or say which database (SEED_DATABASE_URL).\n',
    );
    process.exit(2);
  }
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const began = performance.now();
  const say = (text: string) => process.stdout.write(`${Math.round((performance.now() - began) / 1000)} s: ${text}\n`);
  try {
    const { from, to } = await seedHistory(client, transactions, say);
    say(`${transactions} transactions from ${from} to ${to}; now the sums of reports`);
    await client.query('select advance_report_rollups(1000000000000)');
    say('done');
  } finally {
    await client.end();
  }
}
