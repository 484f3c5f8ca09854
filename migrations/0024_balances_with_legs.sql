-- Legs move accounts. Whoever writes legs changes the accounts with the same statement, and an account's figures change
-- in no other way: the database works them out from the legs, and no role may set them. Before this the role that moves
-- money could set a balance with one UPDATE, and check_legs (0003) proved afterwards that the account stood where its
-- last leg left it.

-- As its owner: the roles that write legs may not change accounts.
create function post_legs() returns trigger
  language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
  month_start timestamptz;
  holds_change boolean;
  is_whole boolean;
  broken uuid;
  left_over bigint;
begin
  select date_trunc('month', max(operation.updated_at), 'Asia/Jakarta'), bool_or(operation.holds), bool_and(operation.moved = 0)
    into month_start, holds_change, is_whole
    from (select max(updated_at) as updated_at, bool_or(transaction_status = 'PENDING' and direction = 'DEBIT') as holds,
                 sum(balance_after - balance_before) as moved
            from new_legs group by operation_id) operation;
  if month_start is null then
    return null;
  end if;

  if not is_whole then
    -- Not all of an operation's legs are of this statement: look at all of them.
    select leg.operation_id into broken
      from (select distinct operation_id from new_legs) changed
      join historical_transactions leg on leg.id > changed.operation_id and leg.id <= (left(changed.operation_id::text, 35) || 'f')::uuid
      group by leg.operation_id having sum(leg.balance_after - leg.balance_before) <> 0 limit 1;
    if found then
      raise exception 'the legs of operation % do not sum to zero', broken using errcode = 'check_violation';
    end if;
  end if;

  if tg_op = 'UPDATE' then
    -- A leg that keeps its place has not changed for its account.
    perform from (select id, account_id, leg_number, transaction_status, direction, amount, balance_before, balance_after from new_legs
                  except
                  select id, account_id, leg_number, transaction_status, direction, amount, balance_before, balance_after from old_legs) changed
      limit 1;
    if not found then
      return null;
    end if;
    -- What the legs have promised so far is taken back.
    update accounts account set held = account.held - promised.held, pending = account.pending - promised.pending
      from (select account_id, coalesce(sum(amount) filter (where direction = 'DEBIT'), 0) as held,
                   coalesce(sum(amount) filter (where direction = 'CREDIT'), 0) as pending
              from old_legs where transaction_status = 'PENDING' group by account_id) promised
     where account.id = promised.account_id;
    holds_change := holds_change or exists (select from old_legs where transaction_status = 'PENDING' and direction = 'DEBIT');
  end if;

  -- The first leg of each account has the number after its version and begins where the account stands; each other one
  -- follows the leg before it. All legs name the account's owner and currency, which stands for the foreign keys.
  with moved as materialized (
    select account_id, user_id, currency, min(leg_number) as first_number, max(leg_number) as last_number, max(updated_at) as updated_at,
           max(balance_before) filter (where number_before is null) as begins_at, sum(balance_after - balance_before) as moved,
           bool_and((leg_number, balance_before) = (number_before + 1, left_at)) is not false as is_chain,
           coalesce(sum(amount) filter (where transaction_status = 'PENDING' and direction = 'DEBIT'), 0) as held,
           coalesce(sum(amount) filter (where transaction_status = 'PENDING' and direction = 'CREDIT'), 0) as pending,
           coalesce(sum(amount) filter (where transaction_status = 'SUCCESS' and direction = 'CREDIT' and transaction_type <> 'REFUND'
                                          and leg.updated_at >= month_start), 0) as incoming
      from (select *, lag(leg_number) over earlier as number_before, lag(balance_after) over earlier as left_at
              from new_legs window earlier as (partition by account_id, user_id, currency order by leg_number)) leg
     group by account_id, user_id, currency
  ), posted as (
    update accounts account
       set balance = account.balance + moved.moved, version = moved.last_number,
           held = account.held + moved.held, pending = account.pending + moved.pending,
           incoming = case account.incoming_month when (month_start at time zone 'Asia/Jakarta')::date then account.incoming else 0 end
                      + case account.kind when 'PERSON' then moved.incoming else 0 end,
           incoming_month = (month_start at time zone 'Asia/Jakarta')::date, updated_at = moved.updated_at
      from moved
     where account.id = moved.account_id and account.version = moved.first_number - 1 and account.balance = moved.begins_at
       and moved.is_chain and account.currency = moved.currency and account.user_id is not distinct from moved.user_id
    returning 1
  )
  select (select count(*) from moved) - (select count(*) from posted) into left_over;
  if left_over > 0 then
    select last.account_id into broken
      from (select distinct on (account_id) account_id, leg_number, balance_after, currency, user_id
              from new_legs order by account_id, leg_number desc) last
      left join accounts account on account.id = last.account_id
     where (account.currency, account.user_id, account.version, account.balance)
           is distinct from (last.currency, last.user_id, last.leg_number, last.balance_after)
     limit 1;
    raise exception 'account % does not stand where its new legs begin', broken using errcode = 'check_violation';
  end if;

  -- What is held is the sum of the account's open holds. Few statements change it.
  if holds_change then
    select account.id into broken from accounts account
     where account.id = any (array(select account_id from new_legs where direction = 'DEBIT'))
       and account.held <> (select coalesce(sum(amount), 0) from holds where payer_account = account.id and ended_at is null)
     limit 1;
    if found then
      raise exception 'account % holds another amount than its open holds', broken using errcode = 'check_violation';
    end if;
  end if;
  return null;
end $$;

create or replace trigger inserted_legs_balance after insert on historical_transactions
  referencing new table as new_legs for each statement execute function post_legs();
create or replace trigger updated_legs_balance after update on historical_transactions
  referencing old table as old_legs new table as new_legs for each statement execute function post_legs();

-- contract: nothing is deployed yet, and post_legs has taken its place
drop function check_legs();

create function refuse_figures_without_legs() returns trigger language plpgsql as $$
begin
  raise exception 'the figures of accounts change only with new legs' using errcode = 'check_violation';
end $$;

create trigger accounts_begin_empty before insert on accounts
  for each row when ((new.version, new.balance, new.held, new.pending, new.incoming) is distinct from (0, 0, 0, 0, 0))
  execute function refuse_figures_without_legs();

-- post_legs is a trigger itself, so that its UPDATE is deeper.
create trigger figures_follow_legs before update of version, balance, held, pending, incoming, incoming_month on accounts
  for each statement when (pg_trigger_depth() = 0) execute function refuse_figures_without_legs();

-- The role that moves money has no use for the right either. The one to update updated_at stays: without any, it could
-- lock no row.
-- contract: nothing is deployed yet. The version before sets the figures itself and would be refused.
revoke update (balance, version, held, pending, incoming, incoming_month) on accounts from one_gate_money;
