// The table of grants: what each role may do in the database, one line per privilege, read from a migrated database's catalogue.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { migrate, SERVED_ROLES } from '../../migrations/run.ts';
import { claimDataDirectory } from '../local/parts/data-directory.ts';
import { databaseUrl, startPostgres } from '../local/parts/postgres.ts';
import { table, wrapped } from '../local/table.ts';

const DATABASE = 'one_gate';

/** Starts and migrates a PostgreSQL for this, and reads it. Takes some seconds. */
export async function grantsOfMigrations(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'one-gate-grants-'));
  try {
    const data = await claimDataDirectory(directory);
    const postgres = await startPostgres(data, { settings: { fsync: 'off', full_page_writes: 'off' } });
    try {
      await migrate({ adminUrl: postgres.adminUrl, database: DATABASE, passwords: data.secrets.roles });
      const grants = await grantsTable(databaseUrl(postgres.adminUrl, DATABASE));
      // Waits until the migrations' connection is closed; their runner does not wait for it.
      await statement(postgres.adminUrl, `drop database ${DATABASE}`);
      return grants;
    } finally {
      await postgres.stop();
    }
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** Reads a migrated database as its superuser. */
export async function grantsTable(adminUrl: string): Promise<string> {
  const rows = await statement(adminUrl, GRANTS, [SERVED_ROLES.map((role) => `one_gate_${role}`)]);
  return [
    '# Grants of the database’s roles',
    '',
    wrapped(
      'What each role may do, from the catalogue of a migrated database. `one_gate_migrator` owns everything; `public` is every role. ' +
        'A function that runs as its owner (`security definer`) is the way to what a role may not do by itself. ' +
        '`make generate` writes this file.',
    ),
    '',
    ...table(
      ['role', 'kind', 'object', 'privilege', 'columns'],
      rows.map((row) => [row.role, row.kind, row.object, row.privilege, row.columns].map(String)),
    ),
    '',
  ].join('\n');
}

/**
 * Reads the schema public and the database itself; $1 are the roles. A partition does not inherit grants from its
 * table, and no migration grants any on one. A function without a grant may be run by every role, as acldefault says.
 */
const GRANTS = `
  with object as (
    select 'database' as kind, 'the database'::text as name, coalesce(datacl, acldefault('d', datdba)) as acl, datdba as owner, null as column_name
      from pg_database where datname = current_database()
    union all
    select 'schema', nspname, coalesce(nspacl, acldefault('n', nspowner)), nspowner, null
      from pg_namespace where nspname = 'public'
    union all
    select case relkind when 'S' then 'sequence' when 'v' then 'view' when 'm' then 'view' else 'table' end, relname,
        coalesce(relacl, acldefault(case relkind when 'S' then 's' else 'r' end::"char", relowner)), relowner, null
      from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'v', 'm', 'S', 'f')
    union all
    select 'table', relname, attacl, relowner, attname
      from pg_attribute join pg_class on pg_class.oid = attrelid
      where relnamespace = 'public'::regnamespace and attacl is not null and not attisdropped
    union all
    select case when prosecdef then 'function, as its owner' else 'function' end,
        proname || '(' || pg_get_function_identity_arguments(pg_proc.oid) || ')', coalesce(proacl, acldefault('f', proowner)), proowner, null
      from pg_proc where pronamespace = 'public'::regnamespace and prorettype <> 'trigger'::regtype
    union all
    select 'type', typname, typacl, typowner, null
      from pg_type where typnamespace = 'public'::regnamespace and typacl is not null
  ), granted as (
    select case grantee when 0 then 'public' else grantee::regrole::text end as role, kind, name as object,
        lower(privilege_type) || case when is_grantable then ', and may grant it' else '' end as privilege, column_name
      from object, aclexplode(acl)
      where grantee <> owner
    union all
    select policy_role, 'row policy', polrelid::regclass::text || ': ' || polname,
        case polcmd when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update' when 'd' then 'delete' else 'all' end, null
      from pg_policy, unnest(case polroles when '{0}' then array['public'] else polroles::regrole[]::text[] end) as policy_role
    union all
    select member::regrole::text, 'role', roleid::regrole::text,
        case when inherit_option then 'inherits from' when set_option then 'may become' else 'administers' end, null
      from pg_auth_members where member::regrole::text = any($1) or roleid::regrole::text = any($1)
    union all
    select rolname, 'role', rolname, attribute, null
      from pg_roles, lateral (values ('superuser', rolsuper), ('creates roles', rolcreaterole), ('creates databases', rolcreatedb),
        ('bypasses row policies', rolbypassrls), ('replication', rolreplication)) as attributes (attribute, has)
      where rolname = any($1) and has
  )
  select role, kind, object, privilege, coalesce(string_agg(column_name, ', ' order by column_name), '') as columns
    from granted group by role, kind, object, privilege, column_name is null
    order by role collate "C", kind collate "C", object collate "C", privilege collate "C", column_name is null desc`;

async function statement(url: string, text: string, values: unknown[] = []): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(text, values)).rows;
  } finally {
    await client.end();
  }
}
