// A canary runs two versions on one database: a migration may add what the next version needs, and remove only what no
// running version uses.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { refusalsOf } from './expand-only.ts';

const MIGRATIONS = join(import.meta.dirname, '../../migrations');
/** No version before this migration was deployed. */
const FIRST = '0019';

const sentencesOf = (sql: string) => refusalsOf(sql).map(({ sentence }) => sentence);

test(`every migration from ${FIRST} on does not break the running version, or its note says why it may`, () => {
  const names = readdirSync(MIGRATIONS).filter((name) => name.endsWith('.sql') && name >= FIRST);
  const found = names.flatMap((name) =>
    refusalsOf(readFileSync(join(MIGRATIONS, name), 'utf8')).map(({ line, sentence }) => `${name}:${line} ${sentence}`),
  );
  expect(found).toEqual([]);
});

test('all migrations so far can be read, and the breaking ones are found', () => {
  const refused = readdirSync(MIGRATIONS)
    .filter((name) => name.endsWith('.sql'))
    .filter((name) => refusalsOf(readFileSync(join(MIGRATIONS, name), 'utf8')).length > 0);
  expect(refused).toContain('0018_references_in_order.sql');
});

describe('refused is', () => {
  test.each([
    ['drop table topups', 'drops topups, which the running version may use'],
    ['drop table if exists public.topups cascade', 'drops topups, which the running version may use'],
    ['drop view balances', 'drops balances, which the running version may use'],
    ['drop function payee_by_phone(text)', 'drops payee_by_phone, which the running version may use'],
    ['drop type direction_enum', 'drops direction_enum, which the running version may use'],
    ['drop trigger legs_stay on historical_transactions', 'drops legs_stay, which the running version may use'],
    ['drop index topups_due', 'drops topups_due, which the running version may use'],
    ['alter table topups drop column lease', 'drops topups.lease, which the running version may use'],
    ['alter table topups rename to refills', 'renames topups'],
    ['alter table topups rename column lease to turn', 'renames lease'],
    ['alter function payee_by_phone(text) rename to payee', 'renames payee_by_phone'],
    ["alter type direction_enum rename value 'DEBIT' to 'OUT'", 'renames the value DEBIT'],
    ['alter table topups alter column lease type bigint', 'changes the type of topups.lease'],
    [
      'alter table topups alter lease drop default',
      'takes the default of topups.lease away, without which the running version writes',
    ],
    [
      'alter table topups alter lease set not null',
      'requires topups.lease, which the running version may leave empty: no default',
    ],
    ['alter table topups add column place int not null', 'requires topups.place: no default'],
    ['alter table topups add column place int primary key', 'requires topups.place: no default'],
    ['alter table topups add check (lease > 0)', 'holds up topups while the constraint is checked: not valid first'],
    [
      'alter table topups add foreign key (id) references users',
      'holds up topups while the constraint is checked: not valid first',
    ],
    ['alter table topups add unique (lease)', 'holds up topups while the constraint is built'],
    [
      'alter table topups drop constraint topups_lease_check',
      'is not known to leave the running version alone (AT_DropConstraint of topups)',
    ],
    [
      'alter table topups enable row level security',
      'is not known to leave the running version alone (AT_EnableRowSecurity of topups)',
    ],
    ['revoke select on users from one_gate_money', 'revokes a right'],
    ['revoke all on all tables in schema public from one_gate_money', 'revokes a right'],
    ['alter default privileges revoke select on tables from one_gate_money', 'revokes a right'],
    [
      'create index on historical_transactions (amount)',
      'holds up writes to historical_transactions while the index is built',
    ],
    ['create unique index on users (lower(email))', 'holds up writes to users while the index is built'],
    ['truncate outbox', 'is not known to leave the running version alone (TruncateStmt)'],
    ["do $$ begin execute 'drop table users'; end $$", 'is not known to leave the running version alone (DoStmt)'],
    ['alter table users set schema old', 'is not known to leave the running version alone (AlterObjectSchemaStmt)'],
  ])('%s', (sql, sentence) => {
    expect(sentencesOf(sql)).toEqual([sentence]);
  });

  test('each of several changes in one statement, and one after harmless ones, with its line', () => {
    const sql = `-- größer
create table fresh (id int);

-- Not needed any more.
alter table topups add column note text, drop column lease,
  add column place int not null;`;
    expect(refusalsOf(sql)).toEqual([
      { line: 5, sentence: 'drops topups.lease, which the running version may use' },
      { line: 5, sentence: 'requires topups.place: no default' },
    ]);
  });

  test('a replaced function is not new', () => {
    expect(sentencesOf('create or replace function f() returns int return 1; drop function f()')).toHaveLength(1);
  });
});

describe('allowed is', () => {
  test.each([
    'create table fresh (id int not null, data text check (data is json object)); create index on fresh (id); drop table fresh',
    'create table fresh (id int); alter table fresh add column more int not null, alter column id type bigint',
    'create table historical_transactions_2027 partition of historical_transactions for values from (1) to (2)',
    'alter table topups add column note text',
    'alter table topups add column note text not null default current_user',
    'alter table topups add column number bigint generated always as identity',
    'alter table topups add column number bigserial not null',
    'alter table users add column tag uuid; alter table users alter tag set default gen_random_uuid(); alter table users alter tag set not null',
    'alter table topups add constraint positive check (lease > 0) not valid',
    'alter table topups validate constraint positive',
    'alter table topups add constraint one unique using index topups_one',
    'alter table topups alter lease drop not null, alter lease set default 0',
    'create index concurrently on historical_transactions (amount)',
    "alter type direction_enum add value 'BOTH'",
    'create or replace function payee_by_phone(text) returns int language sql return 1',
    'create function fresh() returns int language sql return 1; revoke execute on function fresh() from public',
    'create type fresh as enum (); revoke usage on type fresh from public',
    'create or replace view balances as select 1',
    'grant select on users to one_gate_reader',
    "alter role one_gate_reader set lock_timeout = '1s'",
    'insert into emoney_limits default values; update users set username = username; delete from outbox',
  ])('%s', (sql) => {
    expect(sentencesOf(sql)).toEqual([]);
  });
});

describe('a note', () => {
  const drop = 'alter table topups drop column lease;';

  test('lets the statement after it pass, and no other', () => {
    const note = '-- contract: leases are kept in Redis; 2.4 was the last release to read this.';
    expect(sentencesOf(`${note}\n${drop}`)).toEqual([]);
    expect(sentencesOf(`${note}\n${drop}\ndrop table outbox;`)).toHaveLength(1);
    expect(sentencesOf(`${drop}\n${note}`)).toHaveLength(1);
    expect(sentencesOf(`${note}\n${drop}\n${note}\n-- And more.\n\ndrop table outbox`)).toEqual([]);
  });

  test('must say why', () => {
    expect(sentencesOf(`-- contract:\n${drop}`)).toHaveLength(1);
    expect(sentencesOf(`-- contract: yes\n${drop}`)).toHaveLength(1);
  });

  test('is a mistake where nothing is removed', () => {
    const sql = '-- contract: no release needs this table any more since 2.4\ncreate table fresh (id int)';
    expect(sentencesOf(sql)).toEqual(['has a note and needs none']);
  });
});
