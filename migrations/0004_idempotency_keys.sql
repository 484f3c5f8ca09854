-- The first answer to a request that moves money, claimed in the transaction that moves it. `request` is kept whole, so
-- that a key that comes back with another request can be told what differs. `answer` stays null while a provider is
-- being asked.

create table idempotency_keys (
  -- The account is locked in the transaction that claims the key, so that it needs no foreign key.
  account_id   uuid not null,
  key          varchar(255) not null,
  function     varchar(50) not null,
  request      text not null,
  operation_id uuid not null,
  status       smallint,
  answer       text,
  created_at   timestamptz not null default now(),
  primary key (account_id, key),
  check ((status is null) = (answer is null))
);

-- Keys are kept 30 days; the rows lie in order of time, so a block range index finds old ones for nearly nothing.
create index idempotency_keys_by_time on idempotency_keys using brin (created_at);

grant select, insert, delete on idempotency_keys to one_gate_money;
grant update (status, answer) on idempotency_keys to one_gate_money;
grant select on idempotency_keys to one_gate_reader;
