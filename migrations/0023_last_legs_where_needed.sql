-- check_legs looks an account's last leg up where it is not among the statement's own (0017). The look-up is over every
-- month's partition: each new connection took 10 ms to plan it with its first batch, and every batch prepared all the
-- partitions, for a look-up that hardly any needs. Now it is a statement of its own, for the batches that have such an
-- account.
create or replace function check_legs() returns trigger language plpgsql as $$
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
    where (account.currency, account.user_id, account.version, account.balance)
          is distinct from (last.currency, last.user_id, last.leg_number, last.balance_after)
    limit 1;
  if found then
    -- It may have a later leg than those of this statement: look that one up.
    select last.account_id into broken
      from (select distinct on (account_id) account_id, leg_number, balance_after, currency, user_id
              from new_legs order by account_id, leg_number desc) last
      left join accounts account on account.id = last.account_id
      where account.currency is distinct from last.currency or account.user_id is distinct from last.user_id
         or ((account.version, account.balance) is distinct from (last.leg_number, last.balance_after)
             and (account.version is null or account.version <= last.leg_number
               or not exists (select from historical_transactions leg
                               where leg.account_id = account.id and leg.leg_number = account.version
                                 and leg.balance_after = account.balance)))
      limit 1;
    if found then
      raise exception 'account % does not stand where its last leg leaves it', broken using errcode = 'check_violation';
    end if;
  end if;
  return null;
end $$;
