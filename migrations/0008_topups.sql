-- The data of top-ups beside their legs: each attempt to have a provider collect the money and its end, the
-- notifications of providers, and findings for a person to look at.

-- One row per top-up, from its opening on.
create table topups (
  operation_id        uuid primary key,
  -- The owner's wish. It is carried out when the provider confirms it.
  cancel_requested_at timestamptz,
  -- The holder of the lease works on it at the provider. Each new holder raises the number, so that a slow predecessor
  -- is stopped at its next step. The opener has number 1.
  lease               int not null default 1,
  leased_until        timestamptz not null default now() + interval '30 seconds',
  -- When reconcile-topups asks next; null when nothing is left to find out.
  look_at             timestamptz default now() + interval '2 minutes',
  looks               int not null default 0,
  created_at          timestamptz not null default now()
);

create index topups_to_look_at on topups (look_at) where look_at is not null;

-- The database itself writes it with the PENDING leg, so that a crash at any moment leaves no top-up without its row.
create function watch_pending_topup() returns trigger language plpgsql as $$
begin
  insert into topups (operation_id) values (new.operation_id);
  return null;
end $$;

create trigger pending_topups_are_watched after insert on historical_transactions
  for each row when (new.transaction_type = 'TOPUP' and new.transaction_status = 'PENDING') execute function watch_pending_topup();

-- REQUESTED: committed before the provider is called, which may or may not have heard. ACCEPTED: its answer was read,
-- the payer can pay. PAID: posted. DEAD: the provider has refused it, or says that it can no longer be paid.
create type topup_attempt_state_enum as enum ('REQUESTED', 'ACCEPTED', 'PAID', 'DEAD');

create table topup_attempts (
  reference          varchar(64) primary key,
  operation_id       uuid not null references topups (operation_id),
  number             smallint not null check (number > 0),
  state              topup_attempt_state_enum not null default 'REQUESTED',
  provider_reference varchar(64),
  -- How it died, in a word.
  ended_as           varchar(20),
  -- The trace of the request, to which all later steps belong.
  traceparent        varchar(60),
  expires_at         timestamptz not null,
  accepted_at        timestamptz,
  created_at         timestamptz not null default now(),
  updated_at         timestamptz not null default now(),
  unique (operation_id, number),
  constraint the_dead_have_a_reason check ((state = 'DEAD') = (ended_as is not null))
);

comment on column topup_attempts.reference is 'ours, sent to the provider: the transaction_id and the number';

-- No new attempt while an earlier one may still be paid, whatever the code does.
create unique index one_living_attempt_per_topup on topup_attempts (operation_id) where state in ('REQUESTED', 'ACCEPTED');

-- Notifications of providers, as they signed them. Hints, never the ground for a movement of money.
create table provider_notifications (
  id                 uuid primary key default uuidv7(),
  provider           payment_method_enum not null,
  -- The same for every repetition of the same news.
  deduplication_key  varchar(200) not null,
  reference          varchar(64) not null,
  provider_reference varchar(64) not null,
  -- Null when the reference is not one of ours.
  operation_id       uuid,
  provider_state     varchar(20) not null,
  body               text not null,
  signed_at          varchar(40) not null,
  signature          text not null,
  created_at         timestamptz not null default now(),
  unique (provider, deduplication_key)
);

create index provider_notifications_by_reference on provider_notifications (reference);

-- Problems that the platform cannot solve by itself. A finding is written once and stays open until its cause is gone
-- or an operator has dealt with it.
create table findings (
  id            uuid primary key default uuidv7(),
  kind          varchar(50) not null,
  -- Its subject, which with the kind makes it unique: an operation, a reference ...
  subject       varchar(100) not null,
  operation_id  uuid,
  detail        text not null,
  first_seen_at timestamptz not null default now(),
  last_seen_at  timestamptz not null default now(),
  resolved_at   timestamptz
);

create unique index open_findings on findings (kind, subject) where resolved_at is null;
create index findings_by_operation on findings (operation_id) where operation_id is not null;

grant select, insert on topups, topup_attempts, provider_notifications, findings to one_gate_money;
grant update (cancel_requested_at, lease, leased_until, look_at, looks) on topups to one_gate_money;
grant update (state, provider_reference, ended_as, accepted_at, updated_at) on topup_attempts to one_gate_money;
grant update (detail, last_seen_at, resolved_at) on findings to one_gate_money;
grant select on topups, topup_attempts, provider_notifications, findings to one_gate_reader;

-- keep-house makes partitions ahead of time; no other function needs to.
revoke execute on function ensure_leg_partitions(int) from public;
grant execute on function ensure_leg_partitions(int) to one_gate_money;
