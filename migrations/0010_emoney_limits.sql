-- What a wallet may hold and take in, as rows with the time they are valid for: rules change, and a refusal of last
-- year must be explained by last year's. People only; merchants have no cap.

create type holder_enum as enum ('UNVERIFIED', 'VERIFIED');
create type limit_rule_enum as enum ('BALANCE', 'MONTHLY_INCOMING');

create table emoney_limits (
  id          bigint generated always as identity primary key,
  holder      holder_enum not null,
  rule        limit_rule_enum not null,
  value       numeric(15, 2) not null check (value > 0),
  currency    varchar(3) not null default 'IDR' check (currency ~ '^[A-Z]{3}$'),
  valid_from  timestamptz not null,
  valid_until timestamptz check (valid_until > valid_from),
  -- The regulation that sets it.
  basis       text not null
);

-- One value at any time. (An exclusion constraint would need an extension; these rows are written by migrations and
-- operators.)
create function refuse_overlapping_limits() returns trigger language plpgsql as $$
begin
  perform pg_advisory_xact_lock(hashtext('emoney_limits'));
  if exists (
    select from emoney_limits other
     where other.id <> new.id and (other.holder, other.rule, other.currency) = (new.holder, new.rule, new.currency)
       and tstzrange(other.valid_from, other.valid_until) && tstzrange(new.valid_from, new.valid_until)) then
    raise exception 'another limit is valid at the same time: end it first' using errcode = 'exclusion_violation';
  end if;
  return null;
end $$;

create trigger limits_do_not_overlap after insert or update on emoney_limits
  for each row execute function refuse_overlapping_limits();

insert into emoney_limits (holder, rule, value, valid_from, basis) values
  ('UNVERIFIED', 'BALANCE',           2000000.00, '2018-05-04T00:00:00+07:00', 'PBI 20/6/PBI/2018, unregistered e-money: confirm with counsel'),
  ('UNVERIFIED', 'MONTHLY_INCOMING', 40000000.00, '2022-07-01T00:00:00+07:00', 'Bank Indonesia, from 1 July 2022: confirm with counsel'),
  ('VERIFIED',   'BALANCE',          20000000.00, '2022-07-01T00:00:00+07:00', 'Bank Indonesia, registered e-money, from 1 July 2022: confirm with counsel'),
  ('VERIFIED',   'MONTHLY_INCOMING', 40000000.00, '2022-07-01T00:00:00+07:00', 'Bank Indonesia, from 1 July 2022: confirm with counsel');

grant select on emoney_limits to one_gate_money, one_gate_reader;
