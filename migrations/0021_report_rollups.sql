-- The sums of reports, which a schedule brings forward up to a complete cut: the position of the oldest transaction
-- that still ran. A leg that has ended never changes again (0003), so that it is added once and for ever; legs that are
-- PENDING at the cut are counted anew each time. A transaction is counted by one of its legs: the payer's, of a top-up
-- the wallet's; its time is that in its id, by which lists are ordered, too.

create table report_cut (
  only_one boolean primary key default true check (only_one),
  position xid8 not null default '0',
  cut_at   timestamptz not null default '-infinity'
);
insert into report_cut default values;

-- By the day (Asia/Jakarta) on which a transaction was created. Withheld ones are counted apart.
create table report_totals (
  day            date not null,
  type           transaction_type_enum not null,
  status         transaction_status_enum not null,
  payment_method payment_method_enum,
  accessible     boolean not null,
  transactions   bigint not null,
  amount         numeric(30, 2) not null,
  unique nulls not distinct (day, type, status, payment_method, accessible)
);

-- The transactions that are PENDING at the cut, in the same shape.
create table report_pending (like report_totals including constraints including indexes);

-- Every leg that moved money, by the day on which it did, and by its holder: people, merchants, or the system account's
-- own name.
create table report_flows (
  day     date not null,
  holder  text not null,
  type    transaction_type_enum not null,
  legs    bigint not null,
  debits  numeric(30, 2) not null,
  credits numeric(30, 2) not null,
  primary key (day, holder, type)
);

-- On which days of a month a user was a party to a transaction that succeeded: one bit per day.
create table report_activity (
  month   date not null,
  user_id bigint not null,
  days    bit(31) not null,
  primary key (month, user_id)
);

-- Transactions that a rule points at (shared/regulators/notable.ts says which rules there are).
create table report_notable (
  rule   varchar(30) not null,
  leg_id uuid not null,
  day    date not null,
  amount numeric(15, 2) not null,
  primary key (rule, leg_id)
);
create index report_notable_by_day on report_notable (day, rule, amount);
create index report_notable_by_amount on report_notable (rule, amount desc, leg_id);

-- Reports as they were first given out. Never changed.
create table regulator_reports (
  id                  uuid primary key default uuidv7(),
  external_service_id uuid not null references external_services (id),
  -- SHA-256 of the request's parameters, in hex.
  query_hash          varchar(64) not null,
  code_version        varchar(100) not null,
  position            xid8 not null,
  json                text not null,
  csv                 text not null,
  html                text not null,
  created_at          timestamptz not null default now(),
  unique (external_service_id, query_hash, position, code_version)
);

create function refuse_to_change_reports() returns trigger language plpgsql as $$
begin
  raise exception 'a report stays as it was given out' using errcode = 'restrict_violation';
end $$;

create trigger reports_stay before update or delete or truncate on regulator_reports
  for each statement execute function refuse_to_change_reports();

-- Brings the sums forward, by at most so many transaction numbers, and returns the new cut. A second caller waits and
-- goes on from there.
create function advance_report_rollups(most bigint) returns xid8 language plpgsql security definer set search_path = public as $$
declare
  last xid8;
  cut xid8;
begin
  select position into last from report_cut for update;
  cut := least(position_number(pg_snapshot_xmin(pg_current_snapshot())), position_number(last) + most)::text::xid8;
  if cut <= last then return last; end if;

  with ended as materialized (
    select leg.id, leg.user_id, leg.account_id, leg.transaction_type, leg.transaction_status, leg.direction, leg.amount, leg.payment_method,
           leg.is_accessible_external, leg.balance_after, uuid_extract_timestamp(leg.id) at time zone 'Asia/Jakarta' as created,
           (leg.updated_at at time zone 'Asia/Jakarta')::date as settled,
           ((leg.direction = 'DEBIT') <> (leg.transaction_type = 'TOPUP') and leg.user_id is not null) as counts
      from historical_transactions leg
     where position_number(leg.position) >= position_number(last) and position_number(leg.position) < position_number(cut)
       and leg.transaction_status <> 'PENDING'
  ), totals as (
    insert into report_totals
    select created::date, transaction_type, transaction_status, payment_method, is_accessible_external, count(*), sum(amount)
      from ended where counts group by 1, 2, 3, 4, 5
    on conflict (day, type, status, payment_method, accessible) do update
      set transactions = report_totals.transactions + excluded.transactions, amount = report_totals.amount + excluded.amount
  ), flows as (
    insert into report_flows
    select settled, case account.kind when 'PERSON' then 'people' when 'MERCHANT' then 'merchants' else account.name end, transaction_type,
           count(*), coalesce(sum(ended.amount) filter (where direction = 'DEBIT'), 0), coalesce(sum(ended.amount) filter (where direction = 'CREDIT'), 0)
      from ended join accounts account on account.id = ended.account_id where transaction_status = 'SUCCESS' group by 1, 2, 3
    on conflict (day, holder, type) do update
      set legs = report_flows.legs + excluded.legs, debits = report_flows.debits + excluded.debits, credits = report_flows.credits + excluded.credits
  ), activity as (
    insert into report_activity
    select date_trunc('month', created)::date, user_id, bit_or(set_bit(b'0'::bit(31), extract(day from created)::int - 1, 1))
      from ended where user_id is not null and transaction_status = 'SUCCESS' and is_accessible_external group by 1, 2
    on conflict (month, user_id) do update set days = report_activity.days | excluded.days
  )
  insert into report_notable
  select rule, id, created::date, amount
    from ended cross join lateral unnest(notable_rules(amount, direction, balance_after, created)) as rule
   where counts and transaction_status = 'SUCCESS' and is_accessible_external;

  delete from report_pending;
  insert into report_pending
  select * from pending_at(cut);
  update report_cut set position = cut, cut_at = clock_timestamp();
  return cut;
end $$;

-- Which rules point at a transaction that succeeded, by the leg that it is counted by; `created` in Asia/Jakarta.
create function notable_rules(amount numeric, direction direction_enum, balance_after numeric, created timestamp)
  returns text[] language sql immutable parallel safe as $$
  select array_remove(array[
    case when amount >= 10000000 then 'LARGE' end,
    case when amount >= 5000000 and extract(hour from created) < 5 then 'LARGE_AT_NIGHT' end,
    case when amount >= 2000000 and direction = 'DEBIT' and balance_after = 0 then 'EMPTIED' end], null)
$$;

-- The transactions that were PENDING at a cut, at any time after it: created before it and not yet ended. A capture may
-- have made the amount smaller since: the hold knows the first one.
create function pending_at(cut xid8) returns table (day date, type transaction_type_enum, status transaction_status_enum,
    payment_method payment_method_enum, accessible boolean, transactions bigint, amount numeric) language sql stable as $$
  select (uuid_extract_timestamp(leg.id) at time zone 'Asia/Jakarta')::date, leg.transaction_type, 'PENDING'::transaction_status_enum, leg.payment_method,
         leg.is_accessible_external, count(*), sum(coalesce(hold.amount, leg.amount))
    from (select * from historical_transactions where transaction_status = 'PENDING'
          union all
          select * from historical_transactions
           where transaction_status <> 'PENDING' and position_number(position) >= position_number(cut)) leg
    left join holds hold on hold.operation_id = leg.operation_id
   where leg.created_position < cut
     and (leg.direction = 'DEBIT') <> (leg.transaction_type = 'TOPUP') and leg.user_id is not null
   group by 1, 2, 3, 4, 5
$$;

revoke execute on function advance_report_rollups(bigint) from public;
grant execute on function advance_report_rollups(bigint) to one_gate_regulator;
grant select on report_cut, report_totals, report_pending, report_flows, report_activity, report_notable, regulator_reports
  to one_gate_regulator, one_gate_reader;
grant insert (id, external_service_id, query_hash, code_version, position, json, csv, html) on regulator_reports to one_gate_regulator;
