-- The legs of every movement of money, double entry. Two keys only, since each index entry is paid for by every
-- payment: the id, which grows with time (uuidv7), and the leg's number within its account.
--   operation_id  the uuid of the whole movement; its last hex digit is 0
--   id            the operation's with the leg's place (1, 2, ...) as last digit: all legs of an operation are one range of the key
--   transaction_id  the number that people quote; derived from the id, therefore unique without an index of its own
-- Partitioned by month of the id (not of a time column, so that ids stay unique). `leg_number` is unique within a
-- partition; across partitions the account's version keeps it so.

create type transaction_type_enum as enum ('TOPUP', 'PAYMENT', 'REFUND', 'TRANSFER');
create type transaction_status_enum as enum ('PENDING', 'SUCCESS', 'FAILED', 'CANCELLED');
create type payment_method_enum as enum ('GOPAY', 'SHOPEE_PAY');
create type direction_enum as enum ('DEBIT', 'CREDIT');

create table historical_transactions (
  id                     uuid not null primary key,
  -- Both are the ERD's foreign keys. check_legs proves them for a whole batch at once, and accounts are never removed
  -- (0002): a look-up per leg and a lock per look-up took a fifth of the time of a payment.
  user_id                bigint,
  account_id             uuid not null,
  transaction_id         varchar(50) not null generated always as (
    case transaction_type when 'TOPUP' then 'TOP-' when 'PAYMENT' then 'PAY-' when 'REFUND' then 'REF-' else 'TRF-' end
    || upper(replace(id::text, '-', ''))) stored,
  operation_id           uuid not null,
  leg_number             bigint not null check (leg_number > 0),
  transaction_type       transaction_type_enum not null,
  transaction_status     transaction_status_enum not null,
  direction              direction_enum not null,
  amount                 numeric(15, 2) not null check (amount > 0),
  balance_before         numeric(30, 2) not null,
  balance_after          numeric(30, 2) not null,
  currency               varchar(3) not null default 'IDR',
  counterparty_id        uuid,
  description            text,
  external_reference     varchar(255),
  payment_method         payment_method_enum,
  metadata               text,
  is_accessible_external boolean not null default true,
  -- The database's own order of commits, for readers that need a complete cut.
  position               xid8 not null default pg_current_xact_id(),
  created_at             timestamptz not null default now(),
  updated_at             timestamptz not null default now(),
  constraint leg_belongs_to_operation check (left(id::text, 35) = left(operation_id::text, 35)),
  constraint only_success_moves_money check (
    balance_after - balance_before =
      case when transaction_status <> 'SUCCESS' then 0 when direction = 'DEBIT' then -amount else amount end)
) partition by range (id);

create index historical_transactions_by_reference on historical_transactions (account_id, external_reference)
  where external_reference is not null;

-- uuidv7 of a moment: 48 bits of milliseconds; the smallest uuid of that millisecond.
create function uuidv7_from(moment timestamptz) returns uuid language sql immutable parallel safe as $$
  select (lpad(to_hex((extract(epoch from moment) * 1000)::bigint), 12, '0') || '70008000000000000000')::uuid
$$;

-- Makes the missing partitions of this month and the coming ones; a new one is empty, so that attaching it is instant.
create function ensure_leg_partitions(months_ahead int) returns int language plpgsql security definer set search_path = public as $$
declare
  first_month timestamp := date_trunc('month', now() at time zone 'Asia/Jakarta') - interval '1 month';
  month timestamp;
  made int := 0;
  partition_name text;
begin
  perform pg_advisory_xact_lock(hashtext('ensure_leg_partitions'));
  for month in select generate_series(first_month, first_month + make_interval(months => months_ahead + 1), interval '1 month') loop
    partition_name := 'historical_transactions_' || to_char(month, 'YYYY_MM');
    if to_regclass(partition_name) is null then
      execute format('create table %I (like historical_transactions including defaults including constraints including generated)', partition_name);
      execute format('alter table %I add primary key (id)', partition_name);
      execute format('alter table %I add constraint %I unique (account_id, leg_number)', partition_name, partition_name || '_leg_number');
      execute format('alter table historical_transactions attach partition %I for values from (%L) to (%L)', partition_name,
        uuidv7_from(month at time zone 'Asia/Jakarta'), uuidv7_from((month + interval '1 month') at time zone 'Asia/Jakarta'));
      made := made + 1;
    end if;
  end loop;
  return made;
end $$;

select ensure_leg_partitions(12);

-- Checks double entry once more, whatever the code does. Once per statement, over all its legs:
-- the legs of an operation sum to zero, and each account stands where its last leg left it.
create function check_legs() returns trigger language plpgsql as $$
declare
  broken uuid;
begin
  select leg.operation_id into broken from new_legs leg group by leg.operation_id having sum(leg.balance_after - leg.balance_before) <> 0 limit 1;
  if found then
    -- Some of the operation's legs are not of this statement: look at all of them.
    select leg.operation_id into broken
      from (select distinct operation_id from new_legs) changed
      join historical_transactions leg on leg.id > changed.operation_id and leg.id <= (left(changed.operation_id::text, 35) || 'f')::uuid
      group by leg.operation_id having sum(leg.balance_after - leg.balance_before) <> 0 limit 1;
    if found then
      raise exception 'the legs of operation % do not sum to zero', broken using errcode = 'check_violation';
    end if;
  end if;

  select last.account_id into broken
    from (select distinct on (account_id) account_id, leg_number, balance_after, currency, user_id
            from new_legs order by account_id, leg_number desc) last
    left join accounts account on account.id = last.account_id
    where account.version is distinct from last.leg_number or account.balance is distinct from last.balance_after
       or account.currency is distinct from last.currency or account.user_id is distinct from last.user_id
    limit 1;
  if found then
    raise exception 'account % does not stand where its last leg leaves it', broken using errcode = 'check_violation';
  end if;
  return null;
end $$;

create trigger inserted_legs_balance after insert on historical_transactions
  referencing new table as new_legs for each statement execute function check_legs();
create trigger updated_legs_balance after update on historical_transactions
  referencing new table as new_legs for each statement execute function check_legs();

-- A leg that has moved money never changes; only a leg that has moved nothing may still change.
create function refuse_to_change_history() returns trigger language plpgsql as $$
begin
  raise exception 'leg % has moved money and cannot be changed', old.id using errcode = 'restrict_violation';
end $$;

create trigger history_stays before update on historical_transactions
  for each row when (old.transaction_status = 'SUCCESS') execute function refuse_to_change_history();

grant select, insert on historical_transactions to one_gate_money;
grant update (leg_number, transaction_status, balance_before, balance_after, counterparty_id, external_reference, position, updated_at)
  on historical_transactions to one_gate_money;
grant select on historical_transactions to one_gate_reader;
