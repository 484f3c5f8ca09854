import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { claimDataDirectory, type Secrets } from './data-directory.ts';
import { type KafkaPart, startKafka } from './kafka.ts';
import { type PostgresPart, startPostgres } from './postgres.ts';
import { type RedisPart, startRedis } from './redis.ts';

export type Parts = {
  readonly postgres: PostgresPart;
  readonly redis: RedisPart;
  /** Undefined when there is no Kafka: events then go over HTTP. */
  readonly kafka: KafkaPart | undefined;
  /** Why there is no Kafka, as the end of a sentence. */
  readonly kafkaMissing: string | undefined;
  /** Generated passwords of the database's roles, kept between starts. Never print them. */
  readonly rolePasswords: Secrets['roles'];
  /** Resolves with a sentence when a server that was started here ends before `stop` is called. */
  readonly oneEnded: Promise<string>;
  /** Stops the servers that were started here, and waits for them. May be called twice. */
  stop(): Promise<void>;
};

export type PartsOptions = {
  /** The folder of data, logs and secrets, kept between starts. */
  dataDirectory: string;
  /** Where Kafka's jars are kept; by default the checkout's own `.cache`. */
  cacheDirectory?: string | undefined;
  /** DATABASE_URL, REDIS_URL, UPSTASH_REDIS_REST_URL and _TOKEN, KAFKA_BROKERS: parts to use instead of starting them. */
  environment?: Readonly<Record<string, string | undefined>> | undefined;
  /** Fails, with the reason, when one of these would be a substitute. */
  mustBeReal?: readonly ('redis' | 'kafka')[] | undefined;
  /** Starts without Kafka, even where there is one. */
  withoutKafka?: boolean | undefined;
  postgresSettings?: Readonly<Record<string, string>> | undefined;
  extraRedisDatabases?: number | undefined;
};

const checkout = fileURLToPath(new URL('../../../', import.meta.url));

/**
 * Starts PostgreSQL, Redis and Kafka side by side and waits until each can be used. When one fails, the others are
 * stopped again and its error, one sentence, is thrown. The parts die with this process, however it ends.
 */
export async function startParts(options: PartsOptions): Promise<Parts> {
  const environment = options.environment ?? process.env;
  const data = await claimDataDirectory(options.dataDirectory);
  const started = await Promise.allSettled([
    startPostgres(data, { databaseUrl: environment['DATABASE_URL'], settings: options.postgresSettings }),
    startRedis(data, {
      restUrl: environment['UPSTASH_REDIS_REST_URL'],
      restToken: environment['UPSTASH_REDIS_REST_TOKEN'],
      redisUrl: environment['REDIS_URL'],
      searchPath: environment['PATH'],
      extraDatabases: options.extraRedisDatabases,
    }),
    options.withoutKafka
      ? { missing: 'it was not asked for' }
      : startKafka(data, {
          brokers: environment['KAFKA_BROKERS'],
          cacheDirectory: options.cacheDirectory ?? join(checkout, '.cache'),
        }),
  ]);
  const [postgres, redis, kafka] = started;
  let stopping: Promise<void> | undefined;
  const stop = () => {
    stopping ??= (async () => {
      const running = started.flatMap((part) =>
        part.status === 'fulfilled' && 'stop' in part.value ? [part.value.stop()] : [],
      );
      await Promise.allSettled(running);
      await data.release();
    })();
    return stopping;
  };
  if (postgres.status === 'rejected' || redis.status === 'rejected' || kafka.status === 'rejected') {
    await stop();
    throw started.find((part) => part.status === 'rejected')?.reason;
  }
  const missing = 'missing' in kafka.value ? kafka.value.missing : undefined;
  const refusal = notReal(options.mustBeReal ?? [], redis.value, missing);
  if (refusal) {
    await stop();
    throw new Error(refusal);
  }
  const broker = 'missing' in kafka.value ? undefined : kafka.value;
  await data.announce(
    {
      PostgreSQL: postgres.value.address,
      'Redis over REST': redis.value.address,
      ...(broker ? { Kafka: broker.brokers.join(',') } : {}),
    },
    portsOf(postgres.value, redis.value, broker),
  );
  return {
    postgres: postgres.value,
    redis: redis.value,
    kafka: broker,
    kafkaMissing: missing,
    rolePasswords: data.secrets.roles,
    oneEnded: new Promise((resolve) => {
      const servers = { PostgreSQL: postgres.value, Redis: redis.value, ...(broker ? { Kafka: broker } : {}) };
      for (const [name, part] of Object.entries(servers)) {
        void part.ended?.then((how) => {
          if (!stopping) resolve(`${name} has ended with ${how} (logs: ${join(data.path, 'logs')}).`);
        });
      }
    }),
    stop,
  };
}

function notReal(wanted: readonly string[], redis: RedisPart, kafkaMissing: string | undefined): string | undefined {
  if (wanted.includes('redis') && !redis.real) {
    return `A real Redis is required here, and this would be ${redis.description}: install redis-server.`;
  }
  if (wanted.includes('kafka') && kafkaMissing) return `A real Kafka is required here, but ${kafkaMissing}.`;
  return undefined;
}

function portsOf(postgres: PostgresPart, redis: RedisPart, kafka: KafkaPart | undefined): Record<string, number> {
  const ports = {
    postgres: postgres.pid === undefined ? undefined : postgres.port,
    redis: redis.redisPort,
    redisRest: redis.port,
    kafka: kafka?.port,
    kafkaController: kafka?.controllerPort,
  };
  return Object.fromEntries(Object.entries(ports).filter((entry): entry is [string, number] => entry[1] !== undefined));
}
