import { expect, test } from '@jest/globals';
import pg from 'pg';
import { claimDataDirectory } from '../../../knative/local/parts/data-directory.ts';
import { databaseUrl, startPostgres } from '../../../knative/local/parts/postgres.ts';
import { partsOfThisRun } from '../../setup/parts-of-this-run.ts';
import { temporaryDirectory } from '../../setup/temporary-directory.ts';

const { adminUrl } = partsOfThisRun();

async function ask<Row>(query: string): Promise<Row[]> {
  const client = new pg.Client({ connectionString: adminUrl });
  await client.connect();
  try {
    return (await client.query(query)).rows as Row[];
  } finally {
    await client.end();
  }
}

test('tests run on PostgreSQL 18, as the server itself says', async () => {
  const [row] = await ask<{ version: string }>('select version()');
  expect(row?.version).toMatch(/^PostgreSQL 18\./);
});

test('the bundled server listens on this machine only and wants a password', async () => {
  expect(await ask('show listen_addresses')).toEqual([{ listen_addresses: '127.0.0.1' }]);
  expect(await ask('select distinct auth_method from pg_hba_file_rules')).toEqual([{ auth_method: 'scram-sha-256' }]);
  const wrong = databaseUrl(adminUrl, 'postgres', { user: 'postgres', password: 'guessed' });
  const client = new pg.Client({ connectionString: wrong });
  await expect(client.connect()).rejects.toThrow('password authentication failed');
});

test('it sorts and stores text the same everywhere, and does not trade safety for speed', async () => {
  const settings = await ask(
    `select datcollate, datlocprovider, pg_encoding_to_char(encoding) as encoding, current_setting('timezone') as timezone,
            current_setting('synchronous_commit') as synchronous_commit
       from pg_database where datname = 'postgres'`,
  );
  expect(settings).toEqual([
    { datcollate: 'C', datlocprovider: 'b', encoding: 'UTF8', timezone: 'UTC', synchronous_commit: 'on' },
  ]);
});

test('DATABASE_URL replaces the bundled server; a sentence names one that cannot be used', async () => {
  const directory = await temporaryDirectory();
  const data = await claimDataDirectory(directory.path);
  const part = await startPostgres(data, { databaseUrl: adminUrl });
  expect(part.description).toMatch(/^PostgreSQL 18\.\d+, the one of DATABASE_URL$/);
  expect(part.address).toBe(new URL(adminUrl).host);

  const refused = databaseUrl(adminUrl, 'postgres', { user: 'postgres', password: 'a-secret-guess' });
  const error = await startPostgres(data, { databaseUrl: refused }).catch((reason: Error) => reason.message);
  expect(error).toMatch(/^The PostgreSQL of DATABASE_URL at 127\.0\.0\.1:\d+ cannot be used: password auth/);
  expect(error).not.toContain('a-secret-guess');
  await expect(startPostgres(data, { databaseUrl: 'postgres://u:p@127.0.0.1:1/d' })).rejects.toThrow(/cannot be used/);
  await data.release();
  await directory.remove();
});

test('a password may have any characters in an address', () => {
  const url = databaseUrl('postgres://a:b@127.0.0.1:1/x', 'my db', { user: 'one@two', password: 'p/:@?#% ü' });
  const { user, password, database } = new pg.Client({ connectionString: url });
  expect({ user, password, database }).toEqual({ user: 'one@two', password: 'p/:@?#% ü', database: 'my db' });
});
