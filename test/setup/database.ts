import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { databaseUrl } from '../../knative/local/parts/postgres.ts';
import { grantConnect, type migrate, SERVED_ROLES, type ServedRole } from '../../migrations/run.ts';
import { partsOfThisRun } from './parts-of-this-run.ts';

export type TestDatabase = {
  readonly name: string;
  /** One address per role of the product, as functions get them. */
  readonly urls: Record<'migrator' | ServedRole, string>;
  /** The superuser's address of this database, to look past the roles and to break things on purpose. */
  readonly adminUrl: string;
  /** Removes the database and cuts all connections to it; close pools before. */
  drop(): Promise<void>;
};

/**
 * A database of the test file's own, with every migration run: a clone, which takes some tens of milliseconds, or the
 * result of other migrations than this tree's.
 */
export async function createTestDatabase(others?: typeof migrate): Promise<TestDatabase> {
  const { adminUrl, templateDatabase, rolePasswords } = partsOfThisRun();
  const name = `test_${randomBytes(6).toString('hex')}`;
  if (others) await others({ adminUrl, database: name, passwords: rolePasswords });
  else await clone(adminUrl, name, templateDatabase);
  const urlOf = (role: keyof typeof rolePasswords) =>
    databaseUrl(adminUrl, name, { user: `one_gate_${role}`, password: rolePasswords[role] });
  return {
    name,
    urls: Object.fromEntries(
      (['migrator', ...SERVED_ROLES] as const).map((role) => [role, urlOf(role)]),
    ) as TestDatabase['urls'],
    adminUrl: databaseUrl(adminUrl, name),
    drop: () => asAdmin(adminUrl, [`drop database if exists ${name} with (force)`]),
  };
}

/** A test database with a connection of the superuser, which `drop` ends. */
export async function connectTestDatabase(): Promise<TestDatabase & { readonly admin: pg.Client }> {
  const database = await createTestDatabase();
  const admin = new pg.Client({ connectionString: database.adminUrl });
  await admin.connect();
  return {
    ...database,
    admin,
    drop: async () => {
      await admin.end();
      await database.drop();
    },
  };
}

/** Runs one statement over a connection of its own, for tests about the rights of a role. */
export async function queryOnce(url: string, statement: string): Promise<pg.QueryResult> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await client.query(statement);
  } finally {
    await client.end();
  }
}

async function clone(adminUrl: string, name: string, template: string): Promise<void> {
  await asAdmin(adminUrl, [
    `create database ${name} template ${template} owner one_gate_migrator`,
    // The right to connect belongs to the database, and a clone does not copy it.
    `revoke all on database ${name} from public`,
    grantConnect(name),
  ]);
}

async function asAdmin(adminUrl: string, statements: readonly string[]): Promise<void> {
  const client = new pg.Client({ connectionString: adminUrl });
  await client.connect();
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
}
