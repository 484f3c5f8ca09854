-- Sessions and their refresh tokens. `authentications` is the ERD's: one row per refresh token that was ever given out,
-- of which only the SHA-256 hash is kept. A table for the session itself is added: there must be one row to lock while
-- a token is exchanged, and one place that says whether the session has ended, however many tokens it has been through.

create type session_end_enum as enum ('LOGOUT', 'REUSE');

create table sessions (
  id         uuid primary key default uuidv7(),
  user_id    bigint not null references users (id),
  created_at timestamptz not null default now(),
  -- When its newest refresh token expires; the row may be deleted a while after that.
  expires_at timestamptz not null,
  ended_at   timestamptz,
  ended_by   session_end_enum,
  constraint an_end_has_a_reason check ((ended_at is null) = (ended_by is null))
);

create index sessions_by_user on sessions (user_id);
create index sessions_by_expiry on sessions (expires_at);
-- Instances ask for the sessions that ended in the last minutes: few rows.
create index sessions_ended on sessions (ended_at) where ended_at is not null;

create table authentications (
  token      varchar(512) primary key,
  user_id    bigint not null references users (id),
  session_id uuid not null references sessions (id) on delete cascade,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  -- Set by its one use; a second use ends the session.
  rotated_at timestamptz
);

comment on column authentications.token is 'SHA-256 of the refresh token in hex, never the token';

create index authentications_by_session on authentications (session_id);
create index authentications_by_expiry on authentications (expires_at);

-- At most one token of a session can be exchanged, whatever the code does.
create unique index one_usable_token_per_session on authentications (session_id) where rotated_at is null;

-- Deletes expired rows, a bounded piece at a time. It runs as the owner, so that the role of the scheduled function
-- that calls it needs no right to delete a session that is alive. Sessions stay until the last access token made in
-- them has expired as well.
create function remove_expired_authentications(most int) returns int language plpgsql security definer set search_path = public as $$
declare
  tokens_removed int;
  sessions_removed int;
begin
  delete from authentications where token in (
    select token from authentications where expires_at < now() order by expires_at limit most for update skip locked);
  get diagnostics tokens_removed = row_count;
  delete from sessions where id in (
    select id from sessions where expires_at < now() - interval '1 hour' order by expires_at limit most for update skip locked);
  get diagnostics sessions_removed = row_count;
  return tokens_removed + sessions_removed;
end $$;

revoke execute on function remove_expired_authentications(int) from public;
grant execute on function remove_expired_authentications(int) to one_gate_money, one_gate_identity;

grant select, insert on sessions to one_gate_identity;
grant update (expires_at, ended_at, ended_by) on sessions to one_gate_identity;
grant select, insert on authentications to one_gate_identity;
grant update (rotated_at) on authentications to one_gate_identity;
-- Every function that recognises a caller must be able to ask whether a session has ended, without reading hashes of
-- tokens.
grant select (id, ended_at, expires_at) on sessions to one_gate_money, one_gate_reader;
