-- The tables that prove-books needs to prove the books every few minutes, beside payments, however long they have
-- become.

-- How far an account's legs have been proven. Legs that have moved money never change (0003), so that a proven leg
-- stays proven: only later legs are looked at. No foreign key: its check would lock the rows that payments lock.
create table ledger_checkpoints (
  account_id     uuid primary key,
  -- The last leg that was proven, and where it left the account.
  leg_number     bigint not null check (leg_number >= 0),
  balance        numeric(30, 2) not null,
  -- What those legs add to the month of the last of them (Asia/Jakarta), refunds left out.
  incoming       numeric(30, 2) not null,
  incoming_month date not null,
  checked_at     timestamptz not null default now()
) with (fillfactor = 50);

-- How far the walk over the accounts has come. One row.
create table trial_balance (
  only_one         boolean primary key default true check (only_one),
  -- The last account of the round that was looked at; the next page begins after it.
  position         uuid not null default '00000000-0000-0000-0000-000000000000',
  round_began_at   timestamptz not null default now(),
  -- When a round over all accounts was last completed, and when that one began. Null before the first.
  completed_at     timestamptz,
  completed_began_at timestamptz
);

insert into trial_balance default values;

grant select, insert on ledger_checkpoints to one_gate_money;
grant update (leg_number, balance, incoming, incoming_month, checked_at) on ledger_checkpoints to one_gate_money;
grant select on trial_balance to one_gate_money;
grant update (position, round_began_at, completed_at, completed_began_at) on trial_balance to one_gate_money;
grant select on ledger_checkpoints, trial_balance to one_gate_reader;

-- Finds PENDING legs, and the refunds of a payment, without reading other legs. Payments pay nothing for these indexes.
create index historical_transactions_pending on historical_transactions (account_id, id) where transaction_status = 'PENDING';
create index historical_transactions_refunds on historical_transactions (refund_of) where refund_of is not null;
create index open_holds on holds (payer_account) where ended_at is null;

-- The scope of keys that the schedule posts under (shared/ledger/rules/system-accounts.ts knows its id): no person can
-- send a request for it, and no payment ever waits for its lock. No money ever lies here.
insert into accounts (id, kind, name) values ('00000000-0000-7000-8000-000000000003', 'SYSTEM', 'keys:schedule');
