import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { access, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Kafka, logLevel } from 'kafkajs';
import type { DataDirectory } from './data-directory.ts';
import { onFreePorts } from './free-port.ts';
import { startGuarded, stopLeftOver, waitUntilReady } from './guarded-process.ts';
import { kafkaJars } from './kafka-jars.ts';
import { brokerVersion } from './kafka-version.ts';

const run = promisify(execFile);

export type KafkaPart = {
  /** "Kafka 4.3, one broker from Maven Central's jars": the description that the broker itself gives. */
  readonly description: string;
  /** "4.3". */
  readonly version: string;
  /** host:port, one or more. */
  readonly brokers: readonly string[];
  readonly port: number | undefined;
  readonly controllerPort: number | undefined;
  readonly pid: number | undefined;
  /** Resolves with a description when our server has ended, asked or not. Undefined when `pid` is. */
  readonly ended: Promise<string> | undefined;
  stop(): Promise<void>;
};

export type KafkaOptions = {
  /** A comma-separated list of brokers to use instead of our own. */
  brokers?: string | undefined;
  port?: number | undefined;
  /** The port that the broker tells clients to use, when a proxy stands in front of it; its own unless given. */
  advertisedPort?: number | undefined;
  /** Where the jars are kept between starts. */
  cacheDirectory: string;
};

/**
 * Silences two harmless warnings of kafkajs in Node 24: one about a timer that it sets to a negative time, one about a
 * partitioner that changed years ago.
 */
export const kafkajsQuiet = {
  nodeOption: '--disable-warning=TimeoutNegativeWarning',
  environment: { KAFKAJS_NO_PARTITIONER_WARNING: '1' },
} as const;

/** Starts or finds Kafka. Without one it returns the reason, and events go over HTTP. */
export async function startKafka(data: DataDirectory, options: KafkaOptions): Promise<KafkaPart | { missing: string }> {
  if (options.brokers) return external(options.brokers);
  const jars = await kafkaJars(options.cacheDirectory);
  if ('missing' in jars) return jars;
  const record = join(data.path, 'kafka.process');
  await stopLeftOver(record, 'SIGTERM', 20);
  const directory = join(data.path, 'kafka');
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const config = join(directory, 'server.properties');
  return onFreePorts(
    [options.port ?? data.ports['kafka'], data.ports['kafkaController']],
    async (port = 0, other = 0) => {
      await writeFile(config, properties(join(directory, 'log'), port, other, options.advertisedPort));
      await format(jars.libs, directory, config);
      const server = await startGuarded({
        name: 'Kafka',
        command: 'java',
        args: [...jvm, '-Xms64m', '-Xmx384m', '-cp', join(jars.libs, '*'), 'kafka.Kafka', config],
        directory,
        logFile: join(data.path, 'logs', 'kafka.log'),
        recordFile: record,
        stopSignal: 'TERM',
        stopSeconds: 20,
      });
      const broker = `127.0.0.1:${port}`;
      const version = await waitUntilReady(server, () => readyVersion(broker), 90);
      return {
        description: `Kafka ${version}, one broker of Maven Central's jars (${jars.version})`,
        version,
        brokers: [broker],
        port,
        controllerPort: other,
        pid: server.pid,
        ended: server.ended,
        stop: server.stop,
      };
    },
  );
}

/** Creates the missing topics and waits until they can be used. Existing ones stay as they are. */
export async function createTopics(
  brokers: readonly string[],
  names: readonly string[],
  partitions: number,
): Promise<void> {
  await withAdmin(brokers, async (admin) => {
    const present = new Set(await admin.listTopics());
    const topics = names.filter((name) => !present.has(name)).map((topic) => ({ topic, numPartitions: partitions }));
    if (topics.length === 0) return;
    await admin.createTopics({ topics, waitForLeaders: false });
    await untilLed(admin, topics);
  });
}

const LED_WITHIN_MS = 20_000;

// kafkajs' own waiting gives up when the broker has not yet heard of a topic that its controller has just created.
async function untilLed(admin: Admin, topics: readonly { topic: string; numPartitions: number }[]): Promise<void> {
  const end = performance.now() + LED_WITHIN_MS;
  for (;;) {
    try {
      const known = await admin.fetchTopicMetadata({ topics: topics.map(({ topic }) => topic) });
      const led = known.topics.filter(
        ({ partitions }) => partitions.length > 0 && partitions.every(({ leader }) => leader >= 0),
      );
      if (led.length === topics.length) return;
      throw new Error('Kafka has created topics, and they have no leader yet');
    } catch (error) {
      if (performance.now() > end) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

async function external(list: string): Promise<KafkaPart> {
  const brokers = list.split(',').map((broker) => broker.trim());
  const { release } = await brokerVersion(brokers[0] ?? '').catch((cause: Error) => {
    throw new Error(`The Kafka of KAFKA_BROKERS cannot be used. ${cause.message}`, { cause });
  });
  return {
    description: `Kafka ${release}, the one of KAFKA_BROKERS`,
    version: release,
    brokers,
    port: undefined,
    controllerPort: undefined,
    pid: undefined,
    ended: undefined,
    stop: async () => undefined,
  };
}

// One small broker that starts fast: the simple collector, and the quick compiler first.
const jvm = [
  '-XX:+UseSerialGC',
  '-XX:TieredStopAtLevel=1',
  '-Xshare:auto',
  '-Djava.awt.headless=true',
  '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn',
  '-Dorg.slf4j.simpleLogger.showDateTime=true',
];

function properties(logDirectory: string, port: number, controllerPort: number, advertisedPort = port): string {
  const values: Record<string, string | number> = {
    'process.roles': 'broker,controller',
    'node.id': 1,
    'controller.quorum.voters': `1@127.0.0.1:${controllerPort}`,
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${advertisedPort}`,
    'controller.listener.names': 'CONTROLLER',
    'inter.broker.listener.name': 'PLAINTEXT',
    'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT',
    'log.dirs': logDirectory,
    // Sending to a topic that no manifest declares is a mistake, and must fail.
    'auto.create.topics.enable': 'false',
    'num.partitions': 1,
    'default.replication.factor': 1,
    'offsets.topic.replication.factor': 1,
    'offsets.topic.num.partitions': 1,
    'transaction.state.log.replication.factor': 1,
    'transaction.state.log.min.isr': 1,
    'transaction.state.log.num.partitions': 1,
    'share.coordinator.state.topic.replication.factor': 1,
    'share.coordinator.state.topic.min.isr': 1,
    // Consumers start one by one here; the broker need not wait for more members.
    'group.initial.rebalance.delay.ms': 0,
    'group.min.session.timeout.ms': 1000,
    // After a crash the broker may register again as soon as its old session has ended.
    'broker.session.timeout.ms': 3000,
    'broker.heartbeat.interval.ms': 500,
    'controller.quorum.append.linger.ms': 5,
    'log.cleaner.dedupe.buffer.size': 8 * 1024 * 1024,
    'num.network.threads': 2,
    'num.io.threads': 4,
    'background.threads': 2,
  };
  return `${Object.entries(values)
    .map(([name, value]) => `${name}=${value}`)
    .join('\n')}\n`;
}

/** Formats the log directory. Begins again when an earlier start was cut off in the middle. */
async function format(libs: string, directory: string, config: string): Promise<void> {
  const log = join(directory, 'log');
  const formatted = join(directory, 'formatted');
  if (await exists(formatted)) return;
  await rm(log, { recursive: true, force: true });
  const id = randomBytes(16).toString('base64url').replace(/^-/, '0');
  await run('java', [...jvm, '-cp', join(libs, '*'), 'kafka.tools.StorageTool', 'format', '-t', id, '-c', config], {
    timeout: 60_000,
    maxBuffer: 16 * 1024 * 1024,
  }).catch((error: { stderr?: string; message: string }) => {
    const said = (error.stderr ?? '').trim().split('\n').at(-1) || error.message;
    throw new Error(`Kafka could not make its data directory ${log}: ${said}.`);
  });
  await writeFile(formatted, `${id}\n`);
}

/** The broker's version once the cluster takes requests; undefined or an error before that. */
async function readyVersion(broker: string): Promise<string | undefined> {
  const { release } = await brokerVersion(broker, 2000);
  const cluster = await withAdmin([broker], (admin) => admin.describeCluster());
  return cluster.brokers.length > 0 && cluster.controller !== null ? release : undefined;
}

type Admin = ReturnType<Kafka['admin']>;

async function withAdmin<T>(brokers: readonly string[], work: (admin: Admin) => Promise<T>): Promise<T> {
  const kafka = new Kafka({ brokers: [...brokers], clientId: 'one-gate-local', logLevel: logLevel.NOTHING });
  const admin = kafka.admin({ retry: { retries: 2, initialRetryTime: 50 } });
  await admin.connect();
  try {
    return await work(admin);
  } finally {
    await admin.disconnect();
  }
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
