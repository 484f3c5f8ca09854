-- An e-mail address or a phone number that somebody registers is a claim until it is proven to be theirs. Before this the first to register a
-- number had it, and received what was sent to it. Now several people may claim the same one, one of them may have proven it, and nobody is
-- found or paid by one that is unproven. A proof takes it over from whoever had proven it before: numbers change hands.

alter table users
  add column email_verified_at timestamptz,
  add column phone_verified_at timestamptz;

-- contract: nothing is deployed yet. The version before would take any one of those with the same claim for the one who logs in by it.
alter table users drop constraint users_email_key, drop constraint users_phone_key;

-- contract: nothing is deployed yet, so that nobody registers while they are built; nothing is proven yet
create unique index users_proven_emails on users (email) where email_verified_at is not null;
-- contract: nothing is deployed yet, so that nobody registers while they are built; nothing is proven yet
create unique index users_proven_phones on users (phone) where phone_verified_at is not null;
-- The first of those who claim it, for the login.
-- contract: nothing is deployed yet, so that nobody registers while they are built
create index users_by_email on users (email, id);
-- contract: nothing is deployed yet, so that nobody registers while they are built
create index users_by_phone on users (phone, id);

create or replace function payee_by_phone(wanted text) returns table (account_id uuid, username varchar(30), type user_type_enum)
  language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
  select account.id, person.username, person.type
    from users person join accounts account on account.user_id = person.id
   where person.phone = wanted and person.phone_verified_at is not null
$$;

create type claim_kind_enum as enum ('email', 'phone');

-- Marks somebody's claim proven and takes it over. Gives no row to somebody who does not claim it, otherwise one: who had proven it before, or
-- null. Operators may not read e-mail addresses and numbers; they name one and learn whether it is claimed.
create function prove_claim(claimant bigint, kind claim_kind_enum, claimed text) returns table (earlier_owner bigint)
  language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
begin
  -- Two who prove the same one at once: the second sees what the first has left.
  perform pg_advisory_xact_lock(hashtextextended(kind || ':' || claimed, 0));
  case kind
    when 'email' then
      perform from users where id = claimant and email = claimed for no key update;
      if not found then return; end if;
      update users set email_verified_at = null where email = claimed and email_verified_at is not null and id <> claimant
        returning id into earlier_owner;
      update users set email_verified_at = coalesce(email_verified_at, clock_timestamp()) where id = claimant;
    when 'phone' then
      perform from users where id = claimant and phone = claimed for no key update;
      if not found then return; end if;
      update users set phone_verified_at = null where phone = claimed and phone_verified_at is not null and id <> claimant
        returning id into earlier_owner;
      update users set phone_verified_at = coalesce(phone_verified_at, clock_timestamp()) where id = claimant;
  end case;
  return next;
end $$;

-- What was proven by mistake is a claim like any other again.
create function withdraw_proof(claimant bigint, kind claim_kind_enum) returns void
  language sql security definer set search_path = pg_catalog, public, pg_temp as $$
  update users set email_verified_at = case kind when 'phone' then email_verified_at end,
         phone_verified_at = case kind when 'email' then phone_verified_at end
   where id = claimant
$$;

-- No role may set the columns themselves.
revoke execute on function prove_claim(bigint, claim_kind_enum, text), withdraw_proof(bigint, claim_kind_enum) from public;
grant execute on function prove_claim(bigint, claim_kind_enum, text) to one_gate_identity, one_gate_operator;
grant execute on function withdraw_proof(bigint, claim_kind_enum) to one_gate_operator;
grant select (email_verified_at, phone_verified_at) on users to one_gate_operator;
