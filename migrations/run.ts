// Brings a database to the newest migration: plain SQL, forward only, each in a transaction, under a lock, in order of
// their numbers.
//   node migrations/run.ts   with MIGRATION_DATABASE_URL, the address of the owner's role (a Job runs it before a roll-out)

import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { runner } from 'node-pg-migrate';
import pg from 'pg';

/** The roles that functions run as, as `one_gate_<name>`. */
export const SERVED_ROLES = ['money', 'identity', 'reader', 'operator', 'regulator', 'auditor', 'housekeeper'] as const;
export type ServedRole = (typeof SERVED_ROLES)[number];

export type RolePasswords = Record<'migrator' | ServedRole, string>;

/** Lets the functions' roles connect to a database, by its name. */
export function grantConnect(database: string): string {
  return `grant connect on database ${database} to ${SERVED_ROLES.map((role) => `one_gate_${role}`).join(', ')}`;
}

/** Runs the migrations that are missing, as the owner of the tables. Returns their names. */
export async function runMigrations(ownerUrl: string): Promise<string[]> {
  const migrations = await runner({
    databaseUrl: ownerUrl,
    dir: fileURLToPath(new URL('.', import.meta.url)),
    ignorePattern: '.*\\.(ts|mjs|md)',
    migrationsTable: 'migrations',
    direction: 'up',
    checkOrder: true,
    singleTransaction: true,
    logger: { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined },
  });
  return migrations.map(({ name }) => name);
}

/**
 * Makes the roles and the database if they are missing, then migrates: what `make up` and the tests need on an empty
 * server. On a cluster the roles come from the database operator, and only the migrations run.
 */
export async function migrate(options: {
  adminUrl: string;
  database: string;
  passwords: RolePasswords;
}): Promise<string[]> {
  const admin = new pg.Client({ connectionString: options.adminUrl });
  await admin.connect();
  try {
    await ensureRoles(admin, options.passwords);
    await ensureDatabase(admin, options.database);
  } finally {
    await admin.end();
  }
  const owner = new URL(options.adminUrl);
  owner.username = 'one_gate_migrator';
  owner.password = options.passwords.migrator;
  owner.pathname = `/${options.database}`;
  return runMigrations(owner.toString());
}

async function ensureRoles(admin: pg.Client, passwords: RolePasswords): Promise<void> {
  // Two runs at once would both create a missing role.
  await admin.query("select pg_advisory_lock(hashtext('one_gate_roles'))");
  for (const [name, password] of Object.entries(passwords)) {
    const role = pg.escapeIdentifier(`one_gate_${name}`);
    const there = await admin.query('select 1 from pg_roles where rolname = $1', [`one_gate_${name}`]);
    if (there.rowCount === 0) await admin.query(`create role ${role} login`);
    await admin.query(`alter role ${role} password ${pg.escapeLiteral(password)}`);
  }
  // The owner sets the limits of the roles that it serves (0006), so it must administer them, no more.
  await admin.query('alter role one_gate_migrator createrole');
  for (const name of SERVED_ROLES) {
    await admin.query(`grant one_gate_${name} to one_gate_migrator with admin option, inherit false, set false`);
  }
  await admin.query("select pg_advisory_unlock(hashtext('one_gate_roles'))");
}

async function ensureDatabase(admin: pg.Client, database: string): Promise<void> {
  const there = await admin.query('select 1 from pg_database where datname = $1', [database]);
  const name = pg.escapeIdentifier(database);
  if (there.rowCount === 0) await admin.query(`create database ${name} owner one_gate_migrator`);
  await admin.query(`revoke all on database ${name} from public`);
  await admin.query(grantConnect(name));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const ownerUrl = process.env['MIGRATION_DATABASE_URL'];
  if (!ownerUrl)
    throw new Error(
      'MIGRATION_DATABASE_URL is not set: it must hold the PostgreSQL address of the role that owns the tables.',
    );
  const names = await runMigrations(ownerUrl);
  process.stdout.write(names.length > 0 ? `migrated: ${names.join(', ')}\n` : 'nothing to migrate\n');
}
