-- Finds the owner of a phone number for roles that may not read phone numbers: the money and the reader role pass one
-- number and learn its wallet, never the number of a wallet and never a list.

create function payee_by_phone(wanted text) returns table (account_id uuid, username varchar(30), type user_type_enum)
  language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
  select account.id, person.username, person.type
    from users person join accounts account on account.user_id = person.id where person.phone = wanted
$$;

revoke execute on function payee_by_phone(text) from public;
grant execute on function payee_by_phone(text) to one_gate_money, one_gate_reader;
