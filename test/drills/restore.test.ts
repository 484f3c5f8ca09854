// The restore drill: what CloudNativePG does with a base backup and the archived write-ahead log, done by hand with the
// real PostgreSQL. Payments run while the backup is taken, go on after it, and the machine is lost. Every payment that
// was answered before the last segment of the log was archived is restored, the books agree, and payments go on.

import { cp, mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import pg from 'pg';
import { claimDataDirectory, type DataDirectory } from '../../knative/local/parts/data-directory.ts';
import { databaseUrl, type PostgresPart, startPostgres } from '../../knative/local/parts/postgres.ts';
import { unprivileged } from '../../knative/local/parts/postgres-binaries.ts';
import { placeOfData } from '../../knative/local/parts/postgres-cluster.ts';
import { migrate } from '../../migrations/run.ts';
import { proveEverything } from '../../shared/ledger/proof/trial-balance.ts';
import { runShutdown } from '../../shared/platform/shutdown.ts';
import { brokenPromises, openAccount, type TestAccount } from '../setup/accounts.ts';
import { type TemporaryDirectory, temporaryDirectory } from '../setup/temporary-directory.ts';

const DATABASE = 'restore_drill';
const PATIENCE_MS = 120_000;
const asServer = process.getuid?.() === 0 ? unprivileged : undefined;

let directory: TemporaryDirectory;
let data: DataDirectory;
let archive: string;
let server: PostgresPart;
let people: [TestAccount, TestAccount];
let pay: typeof import('../setup/movements.ts')['pay'];
/** Operations that were answered with success. */
const answered: string[] = [];

beforeAll(async () => {
  directory = await temporaryDirectory();
  data = await claimDataDirectory(join(directory.path, 'lost'));
  archive = await folderOfServer('archive');
  server = await startPostgres(data, {
    settings: { archive_mode: 'on', archive_command: `test ! -f ${archive}/%f && cp %p ${archive}/%f` },
  });
  directory.usedBy([server.pid]);
  await migrate({ adminUrl: server.adminUrl, database: DATABASE, passwords: data.secrets.roles });
  people = await withDatabase(async (client) => [
    await openAccount(client, { balance: '1000000.00' }),
    await openAccount(client, { type: 'merchant' }),
  ]);
  const password = data.secrets.roles.money;
  Object.assign(process.env, {
    DATABASE_URL: databaseUrl(server.adminUrl, DATABASE, { user: 'one_gate_money', password }),
    K_SINK: 'http://127.0.0.1:9/',
    LOG_LEVEL: 'silent',
  });
  ({ pay } = await import('../setup/movements.ts'));
}, PATIENCE_MS);

afterAll(async () => {
  await runShutdown(() => undefined);
  await server?.stop();
  await data?.release();
  await directory?.remove();
}, PATIENCE_MS);

test(
  'after the loss of the machine every archived payment is restored, to the last one that was answered',
  async () => {
    const base = await folderOfServer('base');
    const paying = payWhile(backup(base));
    await paying;
    const duringBackup = answered.length;
    await payTimes(20);
    await archiveAll();
    const saved = [...answered];
    expect(duringBackup).toBeGreaterThan(0);

    // No archive has these: a machine that is lost with its disk loses them. (Production answers when a second machine
    // has them.)
    await payTimes(5);
    process.kill(server.pid as number, 'SIGKILL');
    await server.ended;
    await server.stop();
    await rm(await placeOfData(data.path, asServer), { recursive: true });

    server = await restore(base, server.port);
    directory.usedBy([server.pid]);
    await expectBooksToAgree();
    expect(await withDatabase((client) => there(client, saved))).toEqual(saved.sort());

    await payTimes(5);
    await expectBooksToAgree();
    expect(await withDatabase((client) => there(client, answered.slice(-5)))).toHaveLength(5);
  },
  PATIENCE_MS,
);

async function payTimes(count: number): Promise<void> {
  const [payer, payee] = people;
  for (let paid = 0; paid < count; ) {
    // The first request after a restore finds its connections gone: a client asks again.
    const { outcome, operationId } = await pay(payer, payee, '10.00').catch(() => ({
      outcome: undefined,
      operationId: '',
    }));
    if (outcome !== 'posted') continue;
    answered.push(operationId);
    paid++;
  }
}

async function payWhile(work: Promise<void>): Promise<void> {
  let isOver = false;
  const ended = work.finally(() => {
    isOver = true;
  });
  while (!isOver) await payTimes(1);
  await ended;
}

/**
 * As pg_basebackup does: copies the files as they are, and a label that says where the replay of the log must start.
 */
async function backup(base: string): Promise<void> {
  await withDatabase(async (client) => {
    await client.query("select pg_backup_start('drill', fast => true)");
    const cluster = join(await placeOfData(data.path, asServer), 'cluster');
    // A running server changes and removes files during the copy: the log corrects that.
    for (const name of await readdir(cluster)) {
      if (['pg_wal', 'postmaster.pid', 'postmaster.opts', 'pg_stat_tmp'].includes(name)) continue;
      await cp(join(cluster, name), join(base, name), { recursive: true, preserveTimestamps: true });
    }
    await mkdir(join(base, 'pg_wal'));
    const { rows } = await client.query<{ labelfile: string }>(
      'select labelfile from pg_backup_stop(wait_for_archive => true)',
    );
    await writeFile(join(base, 'backup_label'), rows[0]?.labelfile ?? '');
  });
}

/** Ends the current segment of the log, and waits until the archive has it. */
async function archiveAll(): Promise<void> {
  await withDatabase(async (client) => {
    const { rows } = await client.query<{ name: string }>('select pg_walfile_name(pg_switch_wal()) as name');
    const last = rows[0]?.name ?? '';
    while (!(await readdir(archive)).includes(last)) await delay(20);
  });
}

/**
 * A new server in a new place, at the old one's address, which starts from the backup and replays the whole archive.
 */
async function restore(base: string, port: number): Promise<PostgresPart> {
  const found = { ...data, path: join(directory.path, 'found') };
  await mkdir(found.path, { mode: 0o711 });
  const cluster = join(await placeOfData(found.path, asServer), 'cluster');
  await cp(base, cluster, { recursive: true, preserveTimestamps: true });
  await writeFile(join(cluster, 'recovery.signal'), '');
  await toServer(cluster);
  const restored = await startPostgres(found, { port, settings: { restore_command: `cp ${archive}/%f %p` } });
  expect(restored.port).toBe(port);
  await withDatabase(async (client) => {
    const isPlaying = async () => (await client.query('select pg_is_in_recovery() as playing')).rows[0].playing;
    while (await isPlaying()) await delay(20);
  }, restored);
  return restored;
}

async function expectBooksToAgree(): Promise<void> {
  await withDatabase(async (client) => {
    expect(await brokenPromises(client)).toEqual([]);
    await client.query('begin isolation level repeatable read');
    const proof = await proveEverything(async (statement) => (await client.query(statement)).rows);
    await client.query('commit');
    expect(proof.broken).toEqual([]);
    expect(proof.operations).toBeGreaterThan(20);
  });
}

/** Those of these operations that have both legs. */
async function there(client: pg.Client, operations: readonly string[]): Promise<string[]> {
  const { rows } = await client.query<{ operation_id: string }>(
    `select operation_id from historical_transactions where operation_id = any($1::uuid[])
      group by operation_id having count(*) = 2 order by operation_id::text`,
    [operations],
  );
  return rows.map(({ operation_id }) => operation_id);
}

async function withDatabase<Result>(work: (client: pg.Client) => Promise<Result>, of = server): Promise<Result> {
  const client = new pg.Client({ connectionString: databaseUrl(of.adminUrl, DATABASE) });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** Makes a folder that belongs to the user the server runs as. */
async function folderOfServer(name: string): Promise<string> {
  const folder = join(directory.path, name);
  await mkdir(folder, { mode: 0o700 });
  await toServer(folder);
  return folder;
}

async function toServer(folder: string): Promise<void> {
  if (!asServer) return;
  const { chown } = await import('node:fs/promises');
  await chown(folder, asServer.uid, asServer.gid);
  for (const name of await readdir(folder, { recursive: true }))
    await chown(join(folder, name), asServer.uid, asServer.gid);
}
