-- Money that is promised but has not moved, in both directions, and how much of a payment has been given back. All of
-- it is kept with the account, which is locked anyway, so that reading the available amount costs nothing.
--   held      the sum of the account's PENDING debits: its holds
--   pending   the sum of its PENDING credits: top-ups on their way, holds in its favour
--   incoming  the sum that a person was given in `incoming_month` (Asia/Jakarta): top-ups, payments and transfers, not refunds

alter table accounts
  add column held           numeric(30, 2) not null default 0.00,
  add column pending        numeric(30, 2) not null default 0.00,
  add column incoming       numeric(30, 2) not null default 0.00,
  add column incoming_month date not null default '1970-01-01',
  add column verified_at    timestamptz,
  -- available = balance - held, and it is never below zero.
  add constraint held_is_covered check (held >= 0 and (kind = 'SYSTEM' or held <= balance)),
  add constraint pending_is_not_negative check (pending >= 0),
  add constraint incoming_is_not_negative check (incoming >= 0),
  -- A closed account has no money and expects none.
  add constraint closed_accounts_are_empty check (account_status <> 'CLOSED' or (balance = 0 and held = 0 and pending = 0));

comment on column accounts.verified_at is 'when the owner''s identity was proven (KYC); limits on e-money depend on it';

-- The payment that a refund gives back.
alter table historical_transactions add column refund_of uuid;

-- An amount that a payer has set aside for a payee. Its two legs are PENDING until it ends; how it ended is their
-- status.
create table holds (
  operation_id  uuid primary key,
  payer_account uuid not null references accounts (id),
  amount        numeric(15, 2) not null check (amount > 0),
  held_at       timestamptz not null,
  expires_at    timestamptz not null check (expires_at > held_at),
  ended_at      timestamptz,
  -- The captured part; 0 when the hold was voided or has expired.
  captured      numeric(15, 2) not null default 0.00 check (captured between 0 and amount),
  constraint only_an_ended_hold_is_captured check (captured = 0 or ended_at is not null)
);

create index holds_to_expire on holds (expires_at) where ended_at is null;
-- For the amount that was available at a time in the past.
create index holds_by_payer on holds (payer_account, held_at);

-- How much of a payment has been given back: never more than was paid, whatever the code does.
create table refunded_payments (
  operation_id uuid primary key,
  paid         numeric(15, 2) not null check (paid > 0),
  refunded     numeric(15, 2) not null check (refunded > 0),
  constraint never_more_than_was_paid check (refunded <= paid)
);

grant update (held, pending, incoming, incoming_month) on accounts to one_gate_money;
-- A capture may take less than was held; otherwise an amount never changes.
grant update (amount) on historical_transactions to one_gate_money;

create function refuse_to_change_amounts() returns trigger language plpgsql as $$
begin
  raise exception 'the amount of leg % can only become smaller, and only when it is captured', old.id using errcode = 'restrict_violation';
end $$;

create trigger amounts_stay before update on historical_transactions
  for each row when (new.amount <> old.amount and not (new.amount < old.amount and new.transaction_status = 'SUCCESS'))
  execute function refuse_to_change_amounts();

grant select, insert on holds, refunded_payments to one_gate_money;
grant update (ended_at, captured) on holds to one_gate_money;
grant update (refunded) on refunded_payments to one_gate_money;
grant select on holds, refunded_payments to one_gate_reader;
