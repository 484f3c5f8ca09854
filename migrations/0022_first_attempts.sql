-- The first attempt to have a top-up paid is written with its PENDING leg, as the top-up's own row is: it used to take
-- a statement and a commit between opening a top-up and asking the provider. Each top-up has an attempt from now on, so
-- readers need not ask.
--
-- The version before this one runs beside it: it finds an attempt without a known answer, asks the provider about it,
-- and sends it.

-- contract: no version stops using anything; openings that are under way end first (milliseconds), so that none is left
-- without its attempt
lock table topups in share row exclusive mode;

create or replace function watch_pending_topup() returns trigger language plpgsql as $$
begin
  insert into topups (operation_id) values (new.operation_id);
  -- Reference and time as in shared/topups/topup.ts, which must know both before it can read them.
  insert into topup_attempts (reference, operation_id, number, expires_at)
  values (new.transaction_id || '-1', new.operation_id, 1, new.created_at + interval '15 minutes');
  return null;
end $$;

-- Top-ups that were opened, and whose provider was never asked. The leg of a top-up is its second.
insert into topup_attempts (reference, operation_id, number, state, ended_as, expires_at)
select leg.transaction_id || '-1', leg.operation_id, 1, end_of.state, end_of.reason, leg.created_at + interval '15 minutes'
  from topups topup
  join historical_transactions leg on leg.id = overlay(topup.operation_id::text placing '2' from 36)::uuid
 cross join lateral (
       select 'REQUESTED'::topup_attempt_state_enum, null where leg.transaction_status = 'PENDING'
        union all
       select 'DEAD', 'not_found' where leg.transaction_status <> 'PENDING') as end_of (state, reason)
 where not exists (select from topup_attempts attempt where attempt.operation_id = topup.operation_id);

-- The trace is known when the provider has accepted, and is written then.
grant update (traceparent) on topup_attempts to one_gate_money;
