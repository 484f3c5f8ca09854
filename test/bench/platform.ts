// The real parts, the database and the built functions of a run, all of them the run's own and gone when it ends.

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Kafka, logLevel } from 'kafkajs';
import pg from 'pg';
import { hostOfFunction, ROOT } from '../../knative/functions.ts';
import { type Manifests, readManifests } from '../../knative/local/manifests.ts';
import { createTopics } from '../../knative/local/parts/kafka.ts';
import { databaseUrl } from '../../knative/local/parts/postgres.ts';
import { type Parts, startParts } from '../../knative/local/parts/start-parts.ts';
import { type Objects, processEnvironment } from '../../knative/local/process-environment.ts';
import { providerSecrets, type Simulator, startSimulators } from '../../knative/local/simulators.ts';
import { migrate } from '../../migrations/run.ts';
import { PAYMENTS_TOPIC } from '../../shared/ledger/posting/movement-event.ts';
import { WITHOUT_PROOFS } from '../setup/function-process.ts';
import { temporaryDirectory } from '../setup/temporary-directory.ts';
import { makeAccounts } from './accounts.ts';
import { buildBundles } from './bundles.ts';
import { makePayments, type Payment } from './payments.ts';
import { makeTokenKey, type Person, type TokenKey } from './tokens.ts';

const TEMPLATE = 'bench_template';
const PUBLIC_URL = 'http://localhost:8080';

export interface Platform {
  parts: Parts;
  directory: string;
  bundles: string;
  people: Person[];
  /** Payments between them, to be given back. */
  payments: Payment[];
  key: TokenKey;
  manifests: Manifests;
  /** A fresh database with all accounts; replaces the last one. */
  freshDatabase(): Promise<{ admin: pg.Client; name: string }>;
  /** The environment that its manifest gives a function's process, on that database. */
  environmentOf(name: string, database: string): Promise<Record<string, string>>;
  /** Events that the topic of payments holds, which is that of transfers and refunds, too. */
  publishedEvents(): Promise<number>;
  stop(): Promise<void>;
}

export async function startPlatform(options: {
  accounts: number;
  seed: number;
  postgresSettings?: Readonly<Record<string, string>>;
  /** Bundles that exist already; otherwise those of the benchmark are built. */
  bundles?: string;
  /** With the providers' simulators, for top-ups. */
  withProviders?: boolean;
}): Promise<Platform> {
  const directory = await temporaryDirectory();
  const data = join(directory.path, 'data');
  await mkdir(data);
  let parts: Parts | undefined;
  let simulators: Simulator[] = [];
  try {
    const [started, bundles, manifests] = await Promise.all([
      startParts({
        dataDirectory: data,
        environment: { PATH: process.env['PATH'] },
        mustBeReal: ['redis', 'kafka'],
        postgresSettings: options.postgresSettings,
      }),
      options.bundles ?? buildBundles(join(directory.path, 'bundles')),
      readManifests(join(ROOT, 'knative/base')),
    ]);
    parts = started;
    directory.usedBy([parts.postgres.pid, parts.redis.pid, parts.kafka?.pid]);
    const brokers = [...(parts.kafka?.brokers ?? [])];
    for (const { name, partitions } of manifests.topics) await createTopics(brokers, [name], partitions);
    const { adminUrl } = parts.postgres;
    await migrate({ adminUrl, database: TEMPLATE, passwords: parts.rolePasswords });
    const template = await connect(databaseUrl(adminUrl, TEMPLATE));
    const [people, payments] = await makeBooks(template, options).finally(() => template.end());
    const key = await makeTokenKey(PUBLIC_URL);
    const databases = databasesOf(parts);
    const running = parts;
    if (options.withProviders) simulators = await startSimulators({ dataDirectory: data, publicUrl: PUBLIC_URL });
    const supplied = { parts, key, simulators };
    return {
      parts,
      directory: directory.path,
      bundles,
      people,
      payments,
      key,
      manifests,
      freshDatabase: databases.fresh,
      environmentOf: (name, database) => environmentOf(name, manifests, supplied, database),
      publishedEvents: () => eventsIn(brokers),
      stop: async () => {
        await databases.close();
        for (const each of simulators) await each.stop();
        await running.stop();
        await directory.remove();
      },
    };
  } catch (error) {
    for (const each of simulators) await each.stop();
    await parts?.stop();
    await directory.remove();
    throw error;
  }
}

async function makeBooks(
  client: pg.Client,
  { accounts, seed }: { accounts: number; seed: number },
): Promise<[Person[], Payment[]]> {
  const people = await makeAccounts(client, accounts);
  return [people, await makePayments(client, people, seed)];
}

function databasesOf(parts: Parts) {
  const { adminUrl } = parts.postgres;
  let count = 0;
  let current: { admin: pg.Client; name: string } | undefined;

  async function close(): Promise<void> {
    await current?.admin.end();
    if (current) await asAdmin(`drop database ${current.name} with (force)`);
    current = undefined;
  }
  async function asAdmin(...statements: string[]): Promise<void> {
    const client = await connect(adminUrl);
    try {
      for (const statement of statements) await client.query(statement);
    } finally {
      await client.end();
    }
  }
  async function fresh() {
    await close();
    const name = `bench_${++count}`;
    await asAdmin(
      `create database ${name} template ${TEMPLATE} owner one_gate_migrator`,
      `grant connect on database ${name} to one_gate_money, one_gate_identity, one_gate_reader`,
    );
    current = { name, admin: await connect(databaseUrl(adminUrl, name)) };
    return current;
  }
  return { fresh, close };
}

interface Supplied {
  parts: Parts;
  key: TokenKey;
  simulators: Simulator[];
}

async function environmentOf(
  name: string,
  manifests: Manifests,
  { parts, key, simulators }: Supplied,
  database: string,
): Promise<Record<string, string>> {
  const service = await hostOfFunction(name, manifests.services);
  const { adminUrl } = parts.postgres;
  const url = (role: 'money' | 'identity' | 'reader') =>
    databaseUrl(adminUrl, database, { user: `one_gate_${role}`, password: parts.rolePasswords[role] });
  const secrets: Objects = {
    'one-gate-database-money': { url: url('money') },
    'one-gate-database-identity': { url: url('identity') },
    'one-gate-database-reader': { url: url('reader') },
    'one-gate-redis': { url: parts.redis.restUrl, token: parts.redis.restToken },
    'one-gate-token-signing': {
      jwks: JSON.stringify({ keys: [{ ...key.signing, signs_from: '2026-01-01T00:00:00Z' }] }),
    },
    ...WITHOUT_PROOFS,
    ...providerSecrets(simulators),
  };
  const settings = {
    'kafka-brokers': (parts.kafka?.brokers ?? []).join(','),
    'public-url': PUBLIC_URL,
    'token-issuer': key.issuer,
    'token-audience': key.audience,
    'token-public-keys': key.publicKeys,
  };
  return processEnvironment(service, { secrets, configMaps: { 'one-gate': settings }, sink: undefined });
}

async function eventsIn(brokers: string[]): Promise<number> {
  const admin = new Kafka({ clientId: 'bench', brokers, logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  try {
    const partitions = await admin.fetchTopicOffsets(PAYMENTS_TOPIC);
    return partitions.reduce((sum, { high, low }) => sum + Number(high) - Number(low), 0);
  } finally {
    await admin.disconnect();
  }
}

async function connect(connectionString: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString });
  client.on('error', () => undefined);
  await client.connect();
  return client;
}
