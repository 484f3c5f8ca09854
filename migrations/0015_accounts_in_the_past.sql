-- The state of an account at a moment in the past: the last leg that was written by then.
--
-- Within an account the time of a leg (`updated_at`) never falls as its number rises, so that the leg is found by
-- halving, with one look into the index (account_id, leg_number) at each step. Legs lie in partitions by the month of
-- their id, which a leg keeps when it settles later under a new number; so within a partition numbers have gaps, and an
-- older partition may hold a later number. We go from the moment's own month backwards, and stop when the number that
-- follows the one found is known to be too late.

create function leg_at(account uuid, opened_at timestamptz, moment timestamptz)
  returns table (leg_number bigint, balance_after numeric, updated_at timestamptz)
  language plpgsql stable parallel safe
  -- One plan for all months, by index: PostgreSQL passes over the other partitions when it begins to run it.
  set search_path = pg_catalog, public, pg_temp
  set plan_cache_mode = force_generic_plan
  set enable_seqscan = off
  set enable_bitmapscan = off
  set enable_sort = off
  set jit = off
as $$
declare
  -- Ids are made by the functions' clocks, which are less than a day away from the database's.
  first_month timestamp := date_trunc('month', (opened_at - interval '1 day') at time zone 'Asia/Jakarta');
  month       timestamp := date_trunc('month', (moment + interval '1 day') at time zone 'Asia/Jakarta');
  month_start uuid;
  month_end   uuid;
  best        record;
  leg         record;
  -- The lowest number that is known to be too late.
  too_late    bigint;
  upper_end   bigint;
  middle      bigint;
begin
  select 0::bigint as leg_number, null::numeric as balance_after, null::timestamptz as updated_at into best;
  select account_row.version + 1 into too_late from accounts account_row where account_row.id = account;

  while month >= first_month and best.leg_number + 1 < too_late loop
    month_start := uuidv7_from(month at time zone 'Asia/Jakarta');
    month_end := uuidv7_from((month + interval '1 month') at time zone 'Asia/Jakarta');
    month := month - interval '1 month';

    -- First the month's next leg after the one found; if that is not too late already, the first leg from the middle on
    -- decides which half is left.
    middle := best.leg_number + 1;
    upper_end := too_late;
    while best.leg_number + 1 < upper_end loop
      select h.leg_number, h.balance_after, h.updated_at into leg from historical_transactions h
       where h.account_id = account and h.id >= month_start and h.id < month_end and h.leg_number >= middle and h.leg_number < upper_end
       order by h.leg_number limit 1;
      if not found then
        upper_end := middle;
      elsif leg.updated_at <= moment then
        best := leg;
      else
        upper_end := middle;
        too_late := leg.leg_number;
      end if;
      middle := best.leg_number + (upper_end - best.leg_number) / 2;
    end loop;
  end loop;

  if best.leg_number > 0 then
    return query select best.leg_number, best.balance_after, best.updated_at;
  end if;
end $$;

grant execute on function leg_at(uuid, timestamptz, timestamptz) to one_gate_money, one_gate_reader;

-- The sum that an account had promised at a moment: its holds that were open then. A hold lives at most 31 days; twice
-- that leaves room for an end that came late.
create function held_at(account uuid, moment timestamptz) returns numeric language sql stable parallel safe as $$
  select coalesce(sum(hold.amount), 0.00) from holds hold
   where hold.payer_account = account and hold.held_at > moment - interval '62 days' and hold.held_at <= moment
     and (hold.ended_at is null or hold.ended_at > moment)
$$;

grant execute on function held_at(uuid, timestamptz) to one_gate_money, one_gate_reader;
