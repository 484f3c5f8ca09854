-- An account's figures change only together with the legs that say so, in one statement. check_legs (0003) holds legs
-- against accounts; these triggers hold accounts against legs. Before them the role that moves money could set a
-- balance with one UPDATE.
--
-- They look at changes only. An account that was wrong before keeps its figures, and operators can still suspend it.

-- Every leg raises its account's version, and every figure follows from legs.
create function refuse_figures_without_leg() returns trigger language plpgsql as $$
begin
  raise exception 'the figures of account % change only with a new leg', new.id using errcode = 'check_violation';
end $$;

create trigger accounts_begin_empty before insert on accounts
  for each row when ((new.version, new.balance, new.held, new.pending, new.incoming) is distinct from (0, 0, 0, 0, 0))
  execute function refuse_figures_without_leg();

create trigger figures_change_with_the_version after update of version, balance, held, pending, incoming, incoming_month on accounts
  for each row when (new.version <= old.version
    and (new.version, new.balance, new.held, new.pending, new.incoming, new.incoming_month)
        is distinct from (old.version, old.balance, old.held, old.pending, old.incoming, old.incoming_month))
  execute function refuse_figures_without_leg();

-- Nearly all new legs are in the partition of this month. The checks that every payment goes through look there first:
-- a plan over all partitions costs each new connection 10 ms.
create function show_legs_of_this_month() returns void language plpgsql security definer set search_path = public, pg_temp as $$
declare
  partition_name text := 'historical_transactions_' || to_char(now() at time zone 'Asia/Jakarta', 'YYYY_MM');
begin
  if not exists (select from information_schema.view_table_usage where view_name = 'legs_of_this_month' and table_name = partition_name) then
    perform pg_advisory_xact_lock(hashtext('legs_of_this_month'));
    execute format(
      'create or replace view legs_of_this_month as select account_id, leg_number, balance_before, balance_after from %I', partition_name);
  end if;
end $$;

select show_legs_of_this_month();

-- keep-house calls it every minute. In the minute after the month has changed, all partitions are looked at.
revoke execute on function show_legs_of_this_month() from public;
grant execute on function show_legs_of_this_month() to one_gate_money;

-- The first new leg of a changed account begins where the account stood, and each other one where the leg before it
-- ends. check_legs makes sure that the account stands where the last one ends, and that no statement leaves a leg
-- behind whose number is above its account's version.
create function check_balances() returns trigger
  -- As its owner: operators change accounts, too, and may not read legs.
  language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
  broken uuid;
begin
  perform from (
    select leg.balance_before, lag(leg.balance_after, 1, account.balance) over (partition by account.id order by leg.leg_number) as left_at
      from old_accounts account
      left join legs_of_this_month leg on leg.account_id = account.id and leg.leg_number > account.version) chained
   where balance_before is distinct from left_at limit 1;
  if not found then
    return null;
  end if;
  -- An account whose version has not changed keeps its figures, and needs no leg.
  perform from old_accounts account join accounts changed on changed.id = account.id where changed.version <> account.version limit 1;
  if not found then
    return null;
  end if;

  select id into broken from (
    select account.id, leg.balance_before,
           lag(leg.balance_after, 1, account.balance) over (partition by account.id order by leg.leg_number) as left_at
      from old_accounts account
      join accounts changed on changed.id = account.id and changed.version <> account.version
      left join historical_transactions leg on leg.account_id = account.id and leg.leg_number > account.version) chained
   where balance_before is distinct from left_at limit 1;
  if found then
    raise exception 'the balance of account % changes without the legs that say so', broken using errcode = 'check_violation';
  end if;
  return null;
end $$;

create trigger changed_balances_have_legs after update on accounts
  referencing old table as old_accounts for each statement execute function check_balances();

-- An account's held is the sum of its open holds. Few batches change it.
create function check_held() returns trigger language plpgsql as $$
begin
  if new.held <> (select coalesce(sum(amount), 0) from holds where payer_account = new.id and ended_at is null) then
    raise exception 'account % holds another amount than its open holds', new.id using errcode = 'check_violation';
  end if;
  return null;
end $$;

create trigger changed_held_amounts_have_holds after update of held on accounts
  for each row when (new.held <> old.held) execute function check_held();
