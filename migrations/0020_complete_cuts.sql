-- Columns for readers from outside: lists that neither skip nor repeat while the ledger grows, and people without their
-- names.

-- The transaction that wrote a leg first; `position` is that of its last change. A list takes the position of the
-- oldest transaction that still runs (all before it have ended) and sees exactly the legs that were created before it,
-- even if they change meanwhile. The default is no volatile function: PostgreSQL gives the existing legs one value
-- without writing them.
alter table historical_transactions add column created_position xid8 not null default pg_current_xact_id();

-- Finds rare legs without reading those between them. A payment that succeeds, nearly every leg, pays nothing for these
-- indexes.
-- contract: nothing is deployed yet, so that no payment waits for the build; later ones are built by partition
create index historical_transactions_unusual on historical_transactions (transaction_status, id) where transaction_status <> 'SUCCESS';
-- contract: nothing is deployed yet, so that no payment waits for the build; later ones are built by partition
create index historical_transactions_by_method on historical_transactions (payment_method, id) where payment_method is not null;
-- contract: nothing is deployed yet, so that no payment waits for the build; later ones are built by partition
create index historical_transactions_refunded on historical_transactions (id) where transaction_type = 'REFUND';

-- Finds the legs that were created or changed since a position: a summary per hundred or so pages instead of an entry
-- per leg.
create function position_number(place xid8) returns bigint language sql immutable strict parallel safe as $$
  select place::text::bigint
$$;
-- contract: nothing is deployed yet, so that no payment waits for the build; later ones are built by partition
create index historical_transactions_by_position on historical_transactions using brin (position_number(position))
  with (autosummarize = on);

-- As maskName of shared/ledger/reading/payees.ts; a test holds them together.
create function mask_name(name text) returns text language sql immutable strict parallel safe as $$
  select string_agg(case when length(part) < 3 then left(part, 1) || '*' else left(part, 1) || repeat('*', length(part) - 2) || right(part, 1) end, ' ' order by place)
    from regexp_split_to_table(name, '[._]+') with ordinality as parts (part, place) where part <> ''
$$;

-- The pseudonym of a person for regulators: always the same, and not the account's id, which others know.
alter table users add column pseudonym uuid;
update users set pseudonym = gen_random_uuid();
alter table users alter column pseudonym set default gen_random_uuid();
alter table users alter column pseudonym set not null;
-- contract: nothing is deployed yet, so that no registration waits for it
alter table users add constraint users_pseudonym_key unique (pseudonym);

-- The masked name for regulators, made once at registration and not with every read.
alter table users add column masked_name text generated always as (coalesce(mask_name(username), '')) stored;

grant select (id, username, email, phone, type, pseudonym, masked_name, created_at) on users to one_gate_regulator;
