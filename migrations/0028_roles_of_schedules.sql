-- The schedule that did everything as the role that moves money is several functions now. Two of them never move money,
-- and get roles that cannot.

-- The role that proves the books must not be able to change them: the auditor reads the ledger, and writes its progress
-- and its findings.
alter role one_gate_auditor set lock_timeout = '2s';
alter role one_gate_auditor set statement_timeout = '5s';
alter role one_gate_auditor set idle_in_transaction_session_timeout = '5s';
-- The settings of the role that moves money (0006): a page of accounts is read in the order of indexes, whatever the
-- planner guesses.
alter role one_gate_auditor set enable_seqscan = off;
alter role one_gate_auditor set enable_hashjoin = off;
alter role one_gate_auditor set enable_mergejoin = off;
alter role one_gate_auditor set jit = off;

grant select on accounts, historical_transactions, holds, refunded_payments, trial_balance, findings, outbox to one_gate_auditor;
grant select, insert on ledger_checkpoints to one_gate_auditor;
grant update (leg_number, balance, incoming, incoming_month, checked_at) on ledger_checkpoints to one_gate_auditor;
grant update (position, round_began_at, completed_at, completed_began_at) on trial_balance to one_gate_auditor;
grant insert on findings to one_gate_auditor;
grant update (detail, last_seen_at, resolved_at) on findings to one_gate_auditor;
-- An event reports a finding, and is deleted from the outbox once it is published.
grant insert, delete on outbox to one_gate_auditor;

-- The housekeeper deletes expired rows and makes partitions. It can delete nothing else: its functions run as the
-- owner.
alter role one_gate_housekeeper set lock_timeout = '2s';
alter role one_gate_housekeeper set statement_timeout = '5s';
alter role one_gate_housekeeper set idle_in_transaction_session_timeout = '5s';

-- Keys are promised for thirty days. The rows lie in order of time, so that a bounded piece is found through the block
-- ranges (0004).
create function remove_old_keys(most int) returns int language plpgsql security definer
  set search_path = pg_catalog, public, pg_temp as $$
declare
  removed int;
begin
  delete from idempotency_keys where ctid = any(array(
    select ctid from idempotency_keys where created_at < now() - interval '30 days' limit most));
  get diagnostics removed = row_count;
  return removed;
end $$;

revoke execute on function remove_old_keys(int) from public;
grant execute on function remove_old_keys(int), ensure_leg_partitions(int), remove_expired_authentications(int)
  to one_gate_housekeeper;
-- It announces recently ended sessions again.
grant select (id, ended_at, expires_at) on sessions to one_gate_housekeeper;
