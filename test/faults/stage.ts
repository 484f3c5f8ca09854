// Everything that a run needs, all of it the run's own and removed at its end: servers, functions, a provider, a
// courier, the schedule.

import { randomUUID } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { ROOT } from '../../knative/functions.ts';
import { type RunningSource, startKafkaSource } from '../../knative/local/kafka-source.ts';
import { readManifests } from '../../knative/local/manifests.ts';
import { createTopics } from '../../knative/local/parts/kafka.ts';
import { databaseUrl } from '../../knative/local/parts/postgres.ts';
import { migrate } from '../../migrations/run.ts';
import { SCHEDULE_TYPE } from '../../shared/platform/events/schedule.ts';
import { makeTokenKey, type TokenKey } from '../bench/tokens.ts';
import { merchantWithSimulator } from '../sandbox/gopay/merchant.ts';
import { temporaryDirectory } from '../setup/temporary-directory.ts';
import { type Courier, openCourier } from './courier.ts';
import { type Functions, startFunctions, type Traps } from './functions.ts';
import { newTrap, openWire } from './proxy.ts';
import { type Servers, startServers } from './servers.ts';

const DATABASE = 'faults';
const PUBLIC_URL = 'http://localhost:8080';
/** A schedule of minutes, played faster. */
const TICK_EVERY_MS = 1_500;
/** The provider repeats notifications that were not acknowledged; the last wait is the longest. */
const NOTIFIED_AGAIN_MS = [100, 300, 1_000, 2_000, 4_000, 8_000, 8_000, 8_000];

/** The functions that a schedule wakes. */
export const SCHEDULED = ['relay-outbox', 'reconcile-topups', 'prove-books', 'keep-house', 'find-overdue'] as const;
type Scheduled = (typeof SCHEDULED)[number];

export interface Stage {
  servers: Servers;
  functions: Functions;
  courier: Courier;
  traps: Traps;
  gopay: Awaited<ReturnType<typeof merchantWithSimulator>>;
  key: TokenKey;
  topics: string[];
  /** Work on a connection of its own, past every wire, as the superuser. */
  withDatabase<Result>(work: (client: pg.Client) => Promise<Result>): Promise<Result>;
  /** One tick of a scheduled function; true when it succeeded. */
  tick(name: Scheduled): Promise<boolean>;
  /** What the sources had to report: dead letters, mostly. */
  sourceLog: string[];
  stop(): Promise<void>;
}

export async function buildStage(counts: Readonly<Record<string, number>>, withoutKafka = false): Promise<Stage> {
  const directory = await temporaryDirectory();
  const data = join(directory.path, 'data');
  await mkdir(data);
  const stops: (() => Promise<unknown>)[] = [() => directory.remove()];
  const stop = async () => {
    for (const each of stops.splice(0).reverse()) await each().catch((error) => process.stderr.write(`${error}\n`));
  };
  try {
    const servers = await startServers(data, join(ROOT, '.cache'), withoutKafka);
    stops.push(servers.stop);
    directory.usedBy([servers.postgres.pid, servers.redis.pid, servers.kafka?.pid]);
    const manifests = await readManifests(join(ROOT, 'knative/base'));
    const brokers = servers.kafkaWire && [`127.0.0.1:${servers.kafkaWire.port}`];
    for (const { name, partitions } of brokers ? manifests.topics : [])
      await createTopics(brokers ?? [], [name], partitions);
    await migrate({ adminUrl: servers.adminUrl, database: DATABASE, passwords: servers.rolePasswords });

    const key = await makeTokenKey(PUBLIC_URL);
    const traps: Traps = { beforeCommit: newTrap(), afterCommit: newTrap(), answerToClient: newTrap() };
    let functions: Functions | undefined;
    const portOf = (name: string, turn: number) => {
      const instances = functions?.of(name) ?? [];
      return instances[turn % instances.length]?.front.port;
    };
    let turn = 0;
    const courier = await openCourier(() => `http://127.0.0.1:${portOf('settle-topup', turn++)}`);
    stops.push(courier.close);
    // The provider must know the address before the function exists.
    const notified = await openWire(0);
    stops.push(notified.close);
    const gopay = await merchantWithSimulator({
      notificationUrl: `http://127.0.0.1:${notified.port}/v1/notifications/gopay`,
      retryDelaysMs: NOTIFIED_AGAIN_MS,
    });
    stops.push(gopay.close);
    functions = await startFunctions({
      counts,
      directory: directory.path,
      servers,
      database: DATABASE,
      key,
      gopay: gopay.configuration,
      sink: courier.url,
      traps,
    });
    const running = functions;
    stops.push(running.stop);
    notified.target = portOf('receive-notification', 0) ?? 0;
    const sourceLog: string[] = [];
    const ground = {
      brokers: brokers ?? [],
      ingress: courier.ingress,
      log: (line: string) => void sourceLog.push(line),
    };
    const sources: RunningSource[] = [];
    for (const manifest of brokers ? manifests.kafkaSources : [])
      sources.push(await startKafkaSource(manifest, ground));
    stops.push(() => Promise.all(sources.map((source) => source.stop())));
    const tick = (name: Scheduled) => tickOf(portOf(name, 0));
    stops.push(startSchedule(tick));
    return {
      servers,
      functions: running,
      courier,
      traps,
      gopay,
      key,
      topics: manifests.topics.map(({ name }) => name).filter((name) => !name.endsWith('.dead-letters')),
      withDatabase: (work) => withClient(databaseUrl(servers.adminUrl, DATABASE), work),
      tick,
      sourceLog,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function withClient<Result>(connectionString: string, work: (client: pg.Client) => Promise<Result>) {
  const client = new pg.Client({ connectionString });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** As a PingSource would. */
async function tickOf(port: number | undefined): Promise<boolean> {
  const headers = {
    'content-type': 'application/json',
    'ce-specversion': '1.0',
    'ce-id': randomUUID(),
    'ce-source': '/test/faults',
    'ce-type': SCHEDULE_TYPE,
  };
  const answer = await fetch(`http://127.0.0.1:${port}/events`, {
    method: 'POST',
    headers,
    body: '{}',
    signal: AbortSignal.timeout(60_000),
  }).catch(() => undefined);
  await answer?.arrayBuffer().catch(() => undefined);
  return answer?.ok ?? false;
}

/** Each function again and again, never twice at once. */
function startSchedule(tick: Stage['tick']): () => Promise<void> {
  const end = new AbortController();
  const repeat = async (name: Scheduled) => {
    while (!end.signal.aborted) {
      await tick(name);
      await delay(TICK_EVERY_MS, undefined, { signal: end.signal }).catch(() => undefined);
    }
  };
  const repeating = SCHEDULED.map(repeat);
  return async () => {
    end.abort();
    // A request to a function that is being stopped ends with it.
    void repeating;
  };
}
