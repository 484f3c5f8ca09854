-- A registered e-mail address or phone number is a claim until its owner has proven it. Before this the first user who
-- registered a number had it, and received money sent to it. Now several users may claim the same one, and one of them
-- may have proven it. An unproven claim does not make its user found or paid. A new proof takes the claim over from an
-- earlier one: numbers change hands.

alter table users
  add column email_verified_at timestamptz,
  add column phone_verified_at timestamptz;

-- contract: nothing is deployed yet. The version before would log in any one of the users with the same claim.
alter table users drop constraint users_email_key, drop constraint users_phone_key;

-- contract: nothing is deployed yet, so that no registration waits for the build; nothing is proven yet
create unique index users_proven_emails on users (email) where email_verified_at is not null;
-- contract: nothing is deployed yet, so that no registration waits for the build; nothing is proven yet
create unique index users_proven_phones on users (phone) where phone_verified_at is not null;
-- The first user with the claim, for the login.
-- contract: nothing is deployed yet, so that no registration waits for the build
create index users_by_email on users (email, id);
-- contract: nothing is deployed yet, so that no registration waits for the build
create index users_by_phone on users (phone, id);

create or replace function payee_by_phone(wanted text) returns table (account_id uuid, username varchar(30), type user_type_enum)
  language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
  select account.id, person.username, person.type
    from users person join accounts account on account.user_id = person.id
   where person.phone = wanted and person.phone_verified_at is not null
$$;

create type claim_kind_enum as enum ('email', 'phone');

-- Marks a user's claim proven and takes it over. Gives no row when the user does not claim it, otherwise one: the user
-- who had proven it before, or null. Operators may not read e-mail addresses and numbers; they name one and learn
-- whether it is claimed.
create function prove_claim(claimant bigint, kind claim_kind_enum, claimed text) returns table (earlier_owner bigint)
  language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
begin
  -- Two users prove the same claim at once: the second sees the result of the first.
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

-- Makes a claim that was proven by mistake an unproven one again.
create function withdraw_proof(claimant bigint, kind claim_kind_enum) returns void
  language sql security definer set search_path = pg_catalog, public, pg_temp as $$
  update users set email_verified_at = case kind when 'phone' then email_verified_at end,
         phone_verified_at = case kind when 'email' then phone_verified_at end
   where id = claimant
$$;

-- No role may set the columns directly.
revoke execute on function prove_claim(bigint, claim_kind_enum, text), withdraw_proof(bigint, claim_kind_enum) from public;
grant execute on function prove_claim(bigint, claim_kind_enum, text) to one_gate_identity, one_gate_operator;
grant execute on function withdraw_proof(bigint, claim_kind_enum) to one_gate_operator;
grant select (email_verified_at, phone_verified_at) on users to one_gate_operator;
