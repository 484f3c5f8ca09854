// PostgreSQL, Kafka and Redis of the run's own, each of which can be killed and restarts with its data. Functions reach
// them over wires.

import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import { claimDataDirectory } from '../../knative/local/parts/data-directory.ts';
import { freePort } from '../../knative/local/parts/free-port.ts';
import { startKafka } from '../../knative/local/parts/kafka.ts';
import { startPostgres } from '../../knative/local/parts/postgres.ts';
import { startRedis } from '../../knative/local/parts/redis.ts';
import { openWire, type Wire } from './proxy.ts';

interface Running {
  readonly pid: number | undefined;
  readonly ended: Promise<string> | undefined;
  readonly description: string;
  stop(): Promise<void>;
}

export interface Server {
  readonly name: string;
  readonly description: string;
  readonly pid: number | undefined;
  /** kill -9, then started again until it answers; resolves when it does. */
  crash(): Promise<void>;
  stop(): Promise<void>;
}

export interface Servers {
  postgres: Server;
  redis: Server;
  /** Undefined when there is no Kafka; `kafkaMissing` says why. */
  kafka: Server | undefined;
  kafkaMissing: string | undefined;
  /** The superuser's address, past every wire. */
  adminUrl: string;
  rolePasswords: Awaited<ReturnType<typeof claimDataDirectory>>['secrets']['roles'];
  redisToken: string;
  /** The wire to each part, which all share; only to PostgreSQL each function has one of its own. */
  redisWire: Wire;
  kafkaWire: Wire | undefined;
  postgresPort: number;
  stop(): Promise<void>;
}

/**
 * The kernel still has the data that a killed process has written: only a power cut, which is not played here, would
 * lose them.
 */
const SETTINGS = { fsync: 'off' };
const BACK_WITHIN_MS = 240_000;

export async function startServers(path: string, cacheDirectory: string, withoutKafka = false): Promise<Servers> {
  const claimed = await claimDataDirectory(path);
  const ports = { postgres: await freePort(), redis: await freePort(), redisRest: await freePort() };
  const [kafka, controller] = [await freePort(), await freePort()];
  const data = { ...claimed, ports: { ...ports, kafka, kafkaController: controller } };
  const [redisWire, kafkaWire] = [await openWire(ports.redisRest), await openWire(kafka)];
  const stops: (() => Promise<unknown>)[] = [];
  const stop = async () => {
    await Promise.allSettled(stops.map((each) => each()));
    await Promise.all([redisWire.close(), kafkaWire.close()]);
    await claimed.release();
  };
  const kafkaOptions = { cacheDirectory, port: kafka, advertisedPort: kafkaWire.port };
  const startBroker = async (): Promise<Server | { missing: string }> => {
    if (withoutKafka) return { missing: 'it was not asked for' };
    const first = await startKafka(data, kafkaOptions);
    if ('missing' in first) return first;
    const again = async () => {
      const part = await startKafka(data, kafkaOptions);
      if ('missing' in part) throw new Error(part.missing);
      return part;
    };
    return serverOf('Kafka', kafka, again, first);
  };
  const begin = async () => {
    const started = await Promise.allSettled([
      serverOf('PostgreSQL', ports.postgres, () => startPostgres(data, { port: ports.postgres, settings: SETTINGS })),
      serverOf('Redis', ports.redisRest, () =>
        startRedis(data, { restPort: ports.redisRest, searchPath: process.env['PATH'] }),
      ),
      startBroker(),
    ]);
    for (const each of started) if (each.status === 'fulfilled' && 'stop' in each.value) stops.push(each.value.stop);
    const failed = started.find((each) => each.status === 'rejected');
    if (failed) throw failed.reason;
    return started.map((each) => (each as PromiseFulfilledResult<Server | { missing: string }>).value);
  };
  try {
    const [postgres, redis, broker] = (await begin()) as [Server, Server, Server | { missing: string }];
    const missing = 'missing' in broker ? broker.missing : undefined;
    return {
      postgres,
      redis,
      kafka: 'missing' in broker ? undefined : broker,
      kafkaMissing: missing,
      adminUrl: `postgres://postgres:${claimed.secrets.postgres}@127.0.0.1:${ports.postgres}/postgres`,
      rolePasswords: claimed.secrets.roles,
      redisToken: claimed.secrets.redisRestToken,
      redisWire,
      kafkaWire: missing ? undefined : kafkaWire,
      postgresPort: ports.postgres,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** It must restart at the same address: the wires lead there. */
async function serverOf(
  name: string,
  port: number,
  start: () => Promise<Running & { port: number | undefined }>,
  first?: Running & { port: number | undefined },
): Promise<Server> {
  let running = await atItsPort(name, port, first ?? (await start()));
  let stopped = false;
  const server: Server = {
    name,
    get description() {
      return running.description;
    },
    get pid() {
      return running.pid;
    },
    crash: async () => {
      if (running.pid === undefined) throw new Error(`${name} runs inside of this process and cannot be killed.`);
      process.kill(running.pid, 'SIGKILL');
      await running.ended;
      await running.stop();
      const deadline = Date.now() + BACK_WITHIN_MS;
      // A killed server's shared memory, or its session with Kafka, may block the restart for a moment.
      for (;;) {
        if (stopped) return;
        try {
          running = await atItsPort(name, port, await start());
          return;
        } catch (error) {
          if (Date.now() > deadline) throw error;
          await delay(100);
        }
      }
    },
    stop: async () => {
      stopped = true;
      await running.stop();
    },
  };
  return server;
}

async function atItsPort<Part extends Running & { port: number | undefined }>(
  name: string,
  port: number,
  part: Part,
): Promise<Part> {
  if (part.port === port) return part;
  await part.stop();
  throw new Error(`Port ${port} of ${name} was taken by another process.`);
}
