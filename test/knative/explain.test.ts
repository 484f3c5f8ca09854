// `make explain`: numbers that were calculated by hand, and sentences that an operator reads.

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import process from 'node:process';
import { promisify } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import { connectionsOf, type Meaning, meaningsOf } from '../../knative/explain/meaning.ts';
import { difference, readMeanings } from '../../knative/explain/overview.ts';
import { explain, objections } from '../../knative/explain/sentences.ts';
import type {
  KafkaSourceManifest,
  PingSourceManifest,
  ScaleBounds,
  ServiceManifest,
} from '../../knative/local/manifests.ts';
import { OVERLAYS } from '../../knative/overlays.ts';

const run = promisify(execFile);
const COMMAND = join(import.meta.dirname, '../../knative/explain.ts');

/** Twenty at a time, aims at 70 % of 10, up to 4 instances. */
const SCALE: ScaleBounds = {
  min: 0,
  max: 4,
  activation: 1,
  target: 7,
  utilization: 0.7,
  windowMs: 60_000,
  panicWindowMs: 6000,
  panicThreshold: 2,
  scaleDownDelayMs: 0,
  retentionMs: 0,
};

const SOURCE: KafkaSourceManifest = {
  name: 'source',
  topics: ['topic'],
  consumerGroup: 'source',
  fromBeginning: true,
  consumers: 3,
  ordered: false,
  delivery: { retry: 3, backoffDelayMs: 1000, exponential: true, timeoutMs: 60_000 },
  deadLetterTopic: 'topic.dead-letters',
  extensions: {},
  sink: { service: 'held', path: '/events' },
};

interface Given {
  service?: Partial<Omit<ServiceManifest, 'scale'>>;
  scale?: Partial<ScaleBounds>;
  source?: Partial<KafkaSourceManifest>;
  partitions?: number;
  schedule?: string;
  gatewayMs?: number;
}

function meaningOf({ service, scale, source, partitions = 3, schedule, gatewayMs }: Given = {}): Meaning {
  const manifest: ServiceManifest = {
    name: 'held',
    args: ['held'],
    environment: [],
    containerConcurrency: 20,
    timeoutSeconds: 30,
    ...service,
    scale: { ...SCALE, ...scale },
  };
  const pings: PingSourceManifest[] = schedule
    ? [
        {
          name: 'ping',
          schedule,
          timezone: 'UTC',
          contentType: undefined,
          data: undefined,
          extensions: {},
          sink: SOURCE.sink,
        },
      ]
    : [];
  const [meaning] = meaningsOf(
    {
      services: [manifest],
      kafkaSources: source ? [{ ...SOURCE, ...source }] : [],
      pingSources: pings,
      topics: [{ name: 'topic', partitions }],
    },
    new Map(gatewayMs === undefined ? [] : [['held', gatewayMs]]),
  );
  return meaning as Meaning;
}

const said = (meaning: Meaning, connections = 0) =>
  explain(meaning, { overlay: 'production', connections }).replaceAll(/\s+/g, ' ');

describe('concurrency and scale', () => {
  test('a queue of ten times as many, then 503; the autoscaler wants max-scale as soon as one fewer has no room', () => {
    expect(meaningOf()).toMatchObject({
      concurrency: 20,
      queue: 200,
      refused: { oneInstance: 221, allInstances: 881 },
      target: 7,
      // 21 in flight are three instances at 7 each; the 22nd asks for the fourth.
      fullFrom: 22,
    });
    expect(meaningOf().wanted).toBeCloseTo(10);
  });

  test('without containerConcurrency nothing waits and nothing is refused', () => {
    const meaning = meaningOf({ service: { containerConcurrency: 0 } });
    expect(meaning).toMatchObject({ concurrency: Number.POSITIVE_INFINITY, queue: Number.POSITIVE_INFINITY });
    expect(said(meaning)).toContain(
      'An instance takes every request at once (containerConcurrency 0): no queue, no 503.',
    );
  });

  test('with one instance at most there is nothing to scale', () => {
    expect(said(meaningOf({ scale: { max: 1 } }))).toContain('There is never more than one instance (max-scale 1).');
  });

  test('without max-scale there is no limit', () => {
    const meaning = meaningOf({ scale: { max: 0 } });
    expect(meaning.fullFrom).toBe(Number.POSITIVE_INFINITY);
    expect(said(meaning)).toContain('There is no limit to instances.');
    expect(said(meaning)).toContain('number 221 gets 503.');
  });
});

describe('idle time to zero', () => {
  test('the window and Knative’s grace of 30 s, or the retention period where that is longer', () => {
    expect(meaningOf().idleToZeroMs).toBe(90_000);
    expect(meaningOf({ scale: { retentionMs: 10_000 } }).idleToZeroMs).toBe(90_000);
    expect(meaningOf({ scale: { retentionMs: 300_000 } }).idleToZeroMs).toBe(360_000);
    expect(meaningOf({ scale: { windowMs: 6000 } }).idleToZeroMs).toBe(36_000);
  });

  test('never where min-scale or a schedule keeps it awake', () => {
    expect(meaningOf({ scale: { min: 1 } }).idleToZeroMs).toBeUndefined();
    expect(meaningOf({ schedule: '* * * * *' }).idleToZeroMs).toBeUndefined();
    expect(meaningOf({ schedule: '*/5 * * * *' })).toMatchObject({
      idleToZeroMs: 90_000,
      schedules: [{ everyMs: 300_000 }],
    });
  });
});

describe('events against partitions', () => {
  test('an unordered source has fifty under way for each consumer that has a partition', () => {
    expect(meaningOf({ source: {} }).events).toMatchObject({
      most: 150,
      room: 80,
      // 150 at 7 each would be 22 instances.
      usefulInstances: 4,
      // 2 s, 4 s and 8 s before the three retries.
      sources: [{ idleConsumers: 0, retriedForMs: 14_000 }],
    });
  });

  test('an ordered one has a single event of each partition, whatever the consumers', () => {
    expect(meaningOf({ source: { ordered: true, consumers: 1 } }).events).toMatchObject({
      most: 3,
      usefulInstances: 1,
    });
  });

  test('consumers beyond the partitions get nothing', () => {
    const meaning = meaningOf({ source: { consumers: 5 } });
    expect(meaning.events).toMatchObject({ most: 150, sources: [{ idleConsumers: 2 }] });
    expect(objections(meaning, { overlay: '', connections: 0 })).toContain(
      '2 consumers of source get nothing: it reads 3 partitions.',
    );
  });
});

describe('connections', () => {
  const address = {
    name: 'DATABASE_URL',
    from: 'secret',
    object: 'one-gate-database-money',
    key: 'url',
    optional: false,
  };
  const withPool = (...environment: unknown[]) =>
    meaningOf({ service: { environment: [address, ...environment] as ServiceManifest['environment'] } });

  test('max-scale times pool size, and what environment.ts takes where the manifest is silent', () => {
    expect(withPool({ name: 'DATABASE_POOL_SIZE', value: '3' }).database).toEqual({
      role: 'money',
      pool: 3,
      connections: 12,
    });
    expect(withPool().database?.connections).toBe(16);
    expect(connectionsOf([withPool(), meaningOf(), withPool({ name: 'DATABASE_POOL_SIZE', value: '1' })])).toBe(20);
  });

  test('a function without a database needs none', () => {
    expect(
      meaningOf({ service: { environment: [{ name: 'DATABASE_POOL_SIZE', value: '3' }] } }).database,
    ).toBeUndefined();
  });

  test('too many connections for PostgreSQL are reported', () => {
    expect(said(withPool(), 151)).toContain('All functions together may want 151 connections, more than the 150');
    expect(said(withPool(), 150)).not.toContain('more than the 150');
  });
});

test('a gateway timeout below the function’s and its cold start is reported', () => {
  expect(said(meaningOf({ gatewayMs: 34_000 }))).toContain('The gateway gives held up after 34 s, less than its 30 s');
  expect(said(meaningOf({ gatewayMs: 35_000 }))).not.toContain('gives held up');
});

describe('the command', () => {
  test('says in sentences what a manifest means', async () => {
    const { stdout } = await run(process.execPath, [COMMAND, 'pay']);
    expect(stdout).toMatch(/^pay in production\n/);
    for (const label of ['Woken by', 'Concurrency', 'Scaling', 'Idle', 'Time', 'Database']) {
      expect(stdout).toMatch(new RegExp(`^${label} `, 'm'));
    }
  });

  test('a function that does not exist gets a sentence with those that do, and exit code 1', async () => {
    const failed = await run(process.execPath, [COMMAND, 'buy']).catch((error: unknown) => error);
    expect(failed).toMatchObject({ code: 1, stdout: '' });
    expect((failed as { stderr: string }).stderr).toMatch(
      /^There is no function and no Service buy\. There are: books, .*, wallet\.\n$/,
    );
  });

  test('so does an overlay that does not exist', async () => {
    const failed = await run(process.execPath, [COMMAND, 'pay', '--overlay', 'nowhere']).catch((error) => error);
    expect((failed as { stderr: string }).stderr).toBe(
      'There is no overlay nowhere. There are: development, staging, production.\n',
    );
  });

  test('another overlay than production is explained by its name', async () => {
    const { stdout } = await run(process.execPath, [COMMAND, 'login', '--overlay', 'development']);
    expect(stdout).toMatch(/^login in development\n/);
    expect(stdout).toContain('which is max-scale');
    expect(stdout).toMatch(/it wants 2,/);
  });
});

test('the table names the overlays that differ from production, and no others', async () => {
  const production = await readMeanings('production');
  expect(difference('staging', production, production)).toBe('');
  const [first, ...rest] = production as [Meaning, ...Meaning[]];
  const changed = [{ ...first, timeoutMs: first.timeoutMs + 1000 }, ...rest];
  expect(difference('staging', changed, production)).toMatch(/^In staging these columns differ: timeout, gateway\. /);
});

test.each(OVERLAYS)('no function of ours contradicts itself (%s)', async (overlay) => {
  const meanings = await readMeanings(overlay);
  const circumstances = { overlay, connections: connectionsOf(meanings) };
  expect(meanings.flatMap((meaning) => objections(meaning, circumstances))).toEqual([]);
});
