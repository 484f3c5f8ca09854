import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { databaseUrl } from '../../knative/local/parts/postgres.ts';
import { grantConnect, SERVED_ROLES, type ServedRole } from '../../migrations/run.ts';
import { partsOfThisRun } from './parts-of-this-run.ts';

export type TestDatabase = {
  readonly name: string;
  /** One address per role of the product, as functions get them. */
  readonly urls: Record<'migrator' | ServedRole, string>;
  /** The superuser's address of this database: for looking past the roles, and for breaking things on purpose. */
  readonly adminUrl: string;
  /** Removes the database and cuts what is still connected to it; close pools before. */
  drop(): Promise<void>;
};

/** A database of the test file's own, with every migration run. Takes some tens of milliseconds. */
export async function createTestDatabase(): Promise<TestDatabase> {
  const { adminUrl, templateDatabase, rolePasswords } = partsOfThisRun();
  const name = `test_${randomBytes(6).toString('hex')}`;
  await asAdmin(adminUrl, [
    `create database ${name} template ${templateDatabase} owner one_gate_migrator`,
    // Who may connect belongs to the database, not to what a clone copies.
    `revoke all on database ${name} from public`,
    grantConnect(name),
  ]);
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

async function asAdmin(adminUrl: string, statements: readonly string[]): Promise<void> {
  const client = new pg.Client({ connectionString: adminUrl });
  await client.connect();
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
}
