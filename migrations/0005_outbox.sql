-- Events that are committed with the change that they report, and deleted once Kafka has them. relay-outbox claims by
-- lease the events that an instance could not publish (it was killed, Kafka was away): no row is locked while its event
-- is being sent.

create table outbox (
  id            uuid primary key,
  topic         varchar(100) not null,
  type          varchar(100) not null,
  source        varchar(100) not null,
  subject       varchar(100) not null,
  partition_key varchar(100) not null,
  sequence      bigint not null,
  data          text not null,
  traceparent   varchar(60),
  leased_until  timestamptz,
  created_at    timestamptz not null default now()
);

grant select, insert, delete on outbox to one_gate_money;
grant update (leased_until) on outbox to one_gate_money;
grant select on outbox to one_gate_reader;
