-- Operators: people with a role, who may stop money, suspend, close and verify accounts. Each of their acts is written
-- into a table that no role can change.

create type user_role_enum as enum ('customer', 'operator');

alter table users add column role user_role_enum not null default 'customer';

-- Registration makes customers only: it may not write the column of the role.
revoke insert on users from one_gate_identity;
grant insert (username, email, phone, password, type) on users to one_gate_identity;

-- Each act, its actor, subject and reason. The numbers order them; the row was committed with the change that it
-- reports.
create table audit_trail (
  id      bigint generated always as identity primary key,
  at      timestamptz not null default clock_timestamp(),
  -- Null: the platform itself, or the owner of its database.
  actor   bigint references users (id),
  -- The function's name.
  action  varchar(50) not null check (action <> ''),
  -- all, function:<name>, account:<id>, user:<username>
  subject varchar(100) not null check (subject <> ''),
  reason  varchar(500) not null check (reason <> ''),
  -- JSON, as text: the values before and after.
  detail  text check (detail is json object)
);

create index audit_trail_by_subject on audit_trail (subject, id);
create index audit_trail_by_actor on audit_trail (actor, id);

create function refuse_to_change_the_audit_trail() returns trigger language plpgsql as $$
begin
  raise exception 'the audit trail is only added to' using errcode = 'restrict_violation';
end $$;

create trigger audit_trail_stays before update or delete or truncate on audit_trail
  for each statement execute function refuse_to_change_the_audit_trail();

-- Only the owner of the database (`make operator`) gives and takes a role; the trigger writes it down. The reason is
-- the session's setting `one_gate.reason`.
create function audit_a_change_of_role() returns trigger language plpgsql as $$
begin
  insert into audit_trail (actor, action, subject, reason, detail) values (
    null, 'change-role', 'user:' || new.username, coalesce(nullif(current_setting('one_gate.reason', true), ''), 'no reason was given'),
    json_build_object('before', old.role, 'after', new.role, 'database_role', session_user)::text);
  return null;
end $$;

create trigger changes_of_role_are_audited after update of role on users
  for each row when (old.role <> new.role) execute function audit_a_change_of_role();

-- A freeze is thawed once; its row never changes after that.
create function refuse_to_change_ended_freezes() returns trigger language plpgsql as $$
begin
  raise exception 'freeze % has been thawed and stays as it is', old.id using errcode = 'restrict_violation';
end $$;

create trigger ended_freezes_stay before update on freezes
  for each row when (old.thawed_at is not null) execute function refuse_to_change_ended_freezes();

alter role one_gate_operator set lock_timeout = '2s';
alter role one_gate_operator set statement_timeout = '5s';
alter role one_gate_operator set idle_in_transaction_session_timeout = '5s';

grant select (id, username, type, role, created_at) on users to one_gate_operator;
grant select (id, ended_at, expires_at) on sessions to one_gate_operator;
grant select on accounts, freezes, findings, emoney_limits, audit_trail to one_gate_operator;
grant update (account_status, verified_at, updated_at) on accounts to one_gate_operator;
grant insert (scope, subject, reason, frozen_by), update (thawed_by, thawed_at) on freezes to one_gate_operator;
grant insert (actor, action, subject, reason, detail) on audit_trail to one_gate_operator;
