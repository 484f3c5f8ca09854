-- Accounts of people, merchants and of One Gate itself. System accounts (what providers hold for us, suspense) have no
-- user and may go below zero; the ERD is relaxed for them. `version` is the number of the account's last leg: every
-- change raises it, so that a change decided on an older state cannot be written.

create type account_status_enum as enum ('ACTIVE', 'SUSPENDED', 'CLOSED');
create type account_kind_enum as enum ('PERSON', 'MERCHANT', 'SYSTEM');

create table accounts (
  id             uuid primary key default uuidv7(),
  user_id        bigint unique references users (id),
  kind           account_kind_enum not null default 'PERSON',
  name           varchar(50) unique,
  balance        numeric(30, 2) not null default 0.00,
  currency       varchar(3) not null default 'IDR' check (currency ~ '^[A-Z]{3}$'),
  account_status account_status_enum not null default 'ACTIVE',
  version        bigint not null default 0,
  created_at     timestamptz not null default now(),
  updated_at     timestamptz not null default now(),
  constraint system_accounts_have_a_name_and_no_user check ((kind = 'SYSTEM') = (user_id is null) and (kind = 'SYSTEM') = (name is not null)),
  -- numeric(15,2) of the ERD for people and merchants, and never below zero.
  constraint balance_within_bounds check (kind = 'SYSTEM' or balance between 0 and 9999999999999.99)
) with (fillfactor = 50);

comment on table accounts is 'fillfactor 50: balances are updated in place on the same page (HOT), without touching an index';

-- Accounts are closed, never removed: their legs refer to them for ever.
create function refuse_to_remove_accounts() returns trigger language plpgsql as $$
begin
  raise exception 'accounts are closed, not removed' using errcode = 'restrict_violation';
end $$;

create trigger accounts_stay before delete or truncate on accounts
  for each statement execute function refuse_to_remove_accounts();

-- shared/ledger/rules/system-accounts.ts knows these ids.
insert into accounts (id, kind, name) values
  ('00000000-0000-7000-8000-000000000001', 'SYSTEM', 'clearing:gopay'),
  ('00000000-0000-7000-8000-000000000002', 'SYSTEM', 'suspense:gopay');

grant select on accounts to one_gate_money, one_gate_reader, one_gate_identity;
grant insert (user_id, kind, currency) on accounts to one_gate_identity;
grant update (balance, version, updated_at) on accounts to one_gate_money;
