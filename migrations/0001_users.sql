-- People and merchants, as the ERD has them. Differences: `id` is a bigint, since accounts.user_id is one there; times
-- have a zone; `type` tells merchants, who have no balance cap. Names and addresses are stored in one spelling, so that
-- "unique" means what people think.

create type user_type_enum as enum ('user', 'merchant');

create table users (
  id         bigint generated always as identity primary key,
  username   varchar(30)  not null unique check (username = lower(username)),
  email      varchar(254) not null unique check (email = lower(email)),
  phone      varchar(20)  not null unique,
  password   varchar(255) not null,
  type       user_type_enum not null default 'user',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

comment on column users.password is 'Argon2id hash in PHC form, never the password';

grant select, insert on users to one_gate_identity;
grant update (password, updated_at) on users to one_gate_identity;
grant select (id, username, type, created_at) on users to one_gate_money, one_gate_reader;
