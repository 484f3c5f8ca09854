import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { kafkajsQuiet } from '../../knative/local/parts/kafka.ts';
import { type Parts, type PartsOptions, startParts } from '../../knative/local/parts/start-parts.ts';
import { migrate } from '../../migrations/run.ts';
import { fileVariable, type PartsOfThisRun } from './parts-of-this-run.ts';
import { type TemporaryDirectory, temporaryDirectory } from './temporary-directory.ts';

const templateDatabase = 'one_gate_template';

/** The parts that `stop.ts` stops. Jest runs both in the same process, but gives them no other way to share. */
export type TestRun = { parts: Parts; directory: TemporaryDirectory };

declare global {
  var testRun: TestRun | undefined;
}

/**
 * Jest's global set-up: real parts of this run's own, whatever the environment names, so that tests never touch a
 * server in use. CI=true insists on the real Redis and Kafka. TEST_WITHOUT_KAFKA=1 saves the second Kafka
 * takes to start; the tests that need it are then skipped.
 */
export default async function start(): Promise<void> {
  const directory = await temporaryDirectory();
  try {
    const parts = await startParts(partsOptions(directory.path));
    globalThis.testRun = { parts, directory };
    directory.usedBy([parts.postgres.pid, parts.redis.pid, parts.kafka?.pid]);
    await migrate({ adminUrl: parts.postgres.adminUrl, database: templateDatabase, passwords: parts.rolePasswords });
    await closeTemplate(parts.postgres.adminUrl);
    const file = join(directory.path, 'parts.json');
    await writeFile(file, JSON.stringify(whatTestsNeed(parts)), { mode: 0o600 });
    process.env[fileVariable] = file;
    Object.assign(process.env, kafkajsQuiet.environment);
    const kafka = parts.kafka?.description ?? `no Kafka: ${parts.kafkaMissing}`;
    process.stderr.write(`Tests run on ${parts.postgres.description}; ${parts.redis.description}; ${kafka}.\n`);
  } catch (error) {
    // Jest runs no tear-down after a set-up that failed.
    await globalThis.testRun?.parts.stop();
    await directory.remove();
    throw error;
  }
}

function partsOptions(dataDirectory: string): PartsOptions {
  const strict = process.env['CI'] === 'true';
  return {
    dataDirectory,
    environment: { PATH: process.env['PATH'] },
    mustBeReal: strict ? ['redis', 'kafka'] : [],
    withoutKafka: !strict && process.env['TEST_WITHOUT_KAFKA'] === '1',
    // No data of tests must survive a power cut. All other settings are production's.
    postgresSettings: { fsync: 'off', full_page_writes: 'off', max_connections: '300', shared_buffers: '128MB' },
    extraRedisDatabases: 255,
  };
}

function whatTestsNeed({ postgres, redis, kafka, rolePasswords }: Parts): PartsOfThisRun {
  return {
    adminUrl: postgres.adminUrl,
    templateDatabase,
    rolePasswords,
    redis: {
      url: redis.restUrl,
      token: redis.restToken,
      databaseTokens: redis.databaseTokens,
      real: redis.real,
      version: redis.version,
    },
    brokers: kafka?.brokers,
  };
}

/** A database with connections cannot be cloned, so no further connection is allowed. */
async function closeTemplate(adminUrl: string): Promise<void> {
  const client = new pg.Client({ connectionString: adminUrl });
  await client.connect();
  try {
    await client.query(`alter database ${templateDatabase} with allow_connections false is_template true`);
  } finally {
    await client.end();
  }
}
