-- The companies that may look in from outside (Bank Indonesia, OJK), their keys, and all their accesses. The ERD's
-- three tables; differences: a service may have two keys while they rotate, an access with an unknown key has no key,
-- limits have three windows, and a key may hold several permissions.

create type permissions_enum as enum ('READ_TRANSACTIONS', 'READ_REPORTS', 'READ_PERSONAL_DATA');
create type rate_limit_unit_enum as enum ('second', 'minute', 'hour', 'day');
-- The ERD's five methods. Requests with the others are only ever refused, and written down, too.
create type http_method_enum as enum ('GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'HEAD', 'OPTIONS', 'OTHER');

create table external_services (
  id            uuid primary key default uuidv7(),
  company       varchar(255) not null unique check (company <> ''),
  -- Its consumer in the gateway (kong.yaml).
  consumer      varchar(50) not null unique check (consumer ~ '^[a-z][a-z0-9-]*$'),
  service_type  varchar(50) not null default 'HISTORICAL_TRANSACTION',
  contact_email varchar(255) not null,
  description   text,
  is_active     boolean not null default true,
  created_at    timestamptz not null default now(),
  updated_at    timestamptz not null default now()
);

create table api_keys (
  id                  uuid primary key default uuidv7(),
  external_service_id uuid not null references external_services (id),
  key_name            varchar(255) not null check (key_name <> ''),
  -- SHA-256 of the key; the key itself is shown once, to the operator who issues it. It is random, so that one round is
  -- enough.
  key_hash            bytea not null unique check (length(key_hash) = 32),
  -- The digest that the gateway finds it by, from which the key cannot be read either.
  gateway_digest      varchar(40) not null unique check (gateway_digest ~ '^[0-9a-f]{40}$'),
  -- Its first and last characters, which tell a company's keys apart.
  hint                varchar(40) not null,
  permissions         permissions_enum[] not null check (cardinality(permissions) > 0),
  rate_limit_count    int not null check (rate_limit_count > 0),
  rate_limit_unit     rate_limit_unit_enum not null default 'minute',
  rate_limit_hour     int check (rate_limit_hour >= rate_limit_count),
  rate_limit_day      int check (rate_limit_day >= coalesce(rate_limit_hour, rate_limit_count)),
  -- The networks from which it may be used.
  allowed_networks    inet[] not null check (cardinality(allowed_networks) > 0),
  expires_at          timestamptz,
  is_active           boolean not null default true,
  created_at          timestamptz not null default now(),
  updated_at          timestamptz not null default now()
);

create index api_keys_by_service on api_keys (external_service_id);

-- One row per access, refused ones included, written before the answer is sent. Rows are only ever added.
create table api_access_logs (
  id                  uuid primary key default uuidv7(),
  -- The gateway's own id of the request: a request that both the function and the gateway report is one row.
  gateway_request_id  varchar(64) unique,
  -- Null: the key was unknown, or none was given.
  external_service_id uuid references external_services (id),
  api_key_id          uuid references api_keys (id),
  endpoint            varchar(255) not null,
  query               varchar(2000),
  http_method         http_method_enum not null,
  ip_address          text,
  user_agent          text,
  response_status     int not null,
  -- Why it was refused.
  problem_code        varchar(50),
  purpose_code        varchar(50),
  case_number         varchar(50),
  -- More than one when the gateway has refused a burst without a key from one address.
  requests            int not null default 1 check (requests > 0),
  position            xid8 not null default pg_current_xact_id(),
  created_at          timestamptz not null default clock_timestamp()
);

create index api_access_logs_of_service on api_access_logs (external_service_id, id);
create index api_access_logs_by_position on api_access_logs (position);

create function refuse_to_change_the_access_log() returns trigger language plpgsql as $$
begin
  raise exception 'the access log is only added to' using errcode = 'restrict_violation';
end $$;

create trigger access_log_stays before update or delete or truncate on api_access_logs
  for each statement execute function refuse_to_change_the_access_log();

-- Each service's accesses as a chain: every row's hash covers the row and the hash before it, so that a row that was
-- changed, taken out or put in later shows. Accesses without a known key are a chain of their own (the zero uuid).
create table api_access_chain (
  chain  uuid not null,
  number bigint not null check (number > 0),
  log_id uuid not null unique references api_access_logs (id),
  hash   bytea not null check (length(hash) = 32),
  primary key (chain, number)
);

-- Signed statements of the end of a chain, which the regulator keeps: rows that are cut off behind one show, too.
create table api_access_heads (
  chain     uuid not null,
  number    bigint not null,
  hash      bytea not null,
  jws       text not null,
  signed_at timestamptz not null default now(),
  primary key (chain, number)
);

create trigger access_chain_stays before update or delete or truncate on api_access_chain
  for each statement execute function refuse_to_change_the_access_log();
create trigger access_heads_stay before update or delete or truncate on api_access_heads
  for each statement execute function refuse_to_change_the_access_log();

-- How far the log has been chained. One row.
create table api_access_chained (
  only_one boolean primary key default true check (only_one),
  below    xid8 not null default '0'
);
insert into api_access_chained default values;

-- The text that a row's hash covers, after the hash before it: a JSON array, as JSON.stringify writes its members,
-- joined by ", ". shared/regulators/access-chain.ts does the same; a test holds them together.
create function access_log_text(log api_access_logs) returns text language sql stable as $$
  select json_build_array(log.id, log.gateway_request_id, log.external_service_id, log.api_key_id, log.endpoint, log.query,
    log.http_method, log.ip_address, log.user_agent, log.response_status, log.problem_code, log.purpose_code, log.case_number, log.requests,
    to_char(log.created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))::text
$$;

-- Chains complete rows: those of transactions older than the oldest that still runs, in the order of transactions. One
-- writer at a time.
create function chain_access_logs(most int) returns int language plpgsql security definer set search_path = public as $$
declare
  cut xid8;
  row record;
  last record;
  chained int := 0;
begin
  perform pg_advisory_xact_lock(hashtext('chain_access_logs'));
  cut := pg_snapshot_xmin(pg_current_snapshot());
  for row in
    select log.id, log.position, coalesce(log.external_service_id, '00000000-0000-0000-0000-000000000000') as chain, access_log_text(log) as said
      from api_access_logs log, api_access_chained done
     where log.position >= done.below and log.position < cut
       and not exists (select from api_access_chain there where there.log_id = log.id)
     order by log.position, log.id limit most
  loop
    select number, hash into last from api_access_chain where chain = row.chain order by number desc limit 1;
    insert into api_access_chain (chain, number, log_id, hash)
    values (row.chain, coalesce(last.number, 0) + 1, row.id, sha256(coalesce(last.hash, ''::bytea) || convert_to(row.said, 'UTF8')));
    chained := chained + 1;
    if chained = most then cut := row.position; end if;
  end loop;
  update api_access_chained set below = cut where below < cut;
  return chained;
end $$;

revoke execute on function chain_access_logs(int) from public;

alter role one_gate_regulator set lock_timeout = '2s';
alter role one_gate_regulator set statement_timeout = '10s';
alter role one_gate_regulator set idle_in_transaction_session_timeout = '5s';
-- Statements are planned for their parameters, so that rare rows are found by their own index.
alter role one_gate_regulator set plan_cache_mode = force_custom_plan;
alter role one_gate_regulator set jit = off;

grant execute on function chain_access_logs(int) to one_gate_regulator;
grant select on external_services, api_keys, api_access_logs, api_access_chain, api_access_heads, api_access_chained to one_gate_regulator, one_gate_reader;
grant insert (gateway_request_id, external_service_id, api_key_id, endpoint, query, http_method, ip_address, user_agent, response_status,
  problem_code, purpose_code, case_number, requests) on api_access_logs to one_gate_regulator;
grant insert (chain, number, hash, jws) on api_access_heads to one_gate_regulator;
grant select on accounts, historical_transactions, holds to one_gate_regulator;

grant select on external_services, api_keys to one_gate_operator;
grant insert (company, consumer, contact_email, description) on external_services to one_gate_operator;
grant insert (external_service_id, key_name, key_hash, gateway_digest, hint, permissions, rate_limit_count, rate_limit_unit, rate_limit_hour,
  rate_limit_day, allowed_networks, expires_at), update (expires_at, is_active, updated_at) on api_keys to one_gate_operator;
