-- The switch that stops money: all of it, one account's, or one function's. Every batch reads the open freezes after it
-- has its locks, so that a freeze holds from the next batch on; reading goes on. Operators write here (0012), the
-- ledger only reads.

create type freeze_scope_enum as enum ('ALL', 'ACCOUNT', 'FUNCTION');

create table freezes (
  id         uuid primary key default uuidv7(),
  scope      freeze_scope_enum not null,
  -- The account's id or the function's name.
  subject    varchar(50) not null default '',
  reason     varchar(500) not null check (reason <> ''),
  frozen_by  bigint not null references users (id),
  frozen_at  timestamptz not null default now(),
  thawed_by  bigint references users (id),
  thawed_at  timestamptz,
  constraint everything_has_no_subject check ((scope = 'ALL') = (subject = '')),
  constraint a_thaw_has_an_author check ((thawed_at is null) = (thawed_by is null))
);

create unique index open_freezes on freezes (scope, subject) where thawed_at is null;

grant select on freezes to one_gate_money, one_gate_reader;
