// One round of one variant: a checkpoint, some seconds of load, and its cost to every process until the last event was
// published.

import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import type pg from 'pg';
import { cpuTimeOf, cpuTimeOfMachine, cpuTimeOfPostgres } from './cpu-time.ts';
import type { Instances } from './instances.ts';
import type { Load, Measured } from './load.ts';
import type { LoadGenerator } from './load-generator.ts';
import type { Platform } from './platform.ts';

export interface Round extends Measured {
  /** Answers per second. */
  rate: number;
  /** Milliseconds from the last answer until the outbox was empty. */
  drainMs: number;
  /** CPU microseconds per answer, by process group. */
  cpu: Record<ProcessGroup, number>;
  /** Share of the machine's CPU time that went to anything else, and to the hypervisor's other guests. */
  foreignShare: number;
}

export const processGroups = [
  'function',
  'PostgreSQL, backends',
  'PostgreSQL, background',
  'Kafka',
  'Redis, its proxy, the run itself',
  'load generator',
] as const;
export type ProcessGroup = (typeof processGroups)[number];

const DRAIN_LIMIT_MS = 60_000;

export async function runRound(
  platform: Platform,
  admin: pg.Client,
  generator: LoadGenerator,
  instances: Instances,
  load: Load,
): Promise<Round> {
  if (load.tokens === 'fresh') await generator.freshen();
  await admin.query('checkpoint');
  const before = await cpuTimes(platform, generator, instances);
  const startedAt = performance.now();
  const measured = await generator.run(load);
  const drainMs = await untilDrained(admin);
  const wall = (performance.now() - startedAt) * 1000;
  const after = await cpuTimes(platform, generator, instances);
  const used = Object.fromEntries(processGroups.map((group) => [group, after.ours[group] - before.ours[group]]));
  const ours = processGroups.reduce((sum, group) => sum + (used[group] ?? 0), 0);
  const foreign = after.busy - before.busy - ours + (after.stolen - before.stolen);
  return {
    ...measured,
    rate: (measured.counted / measured.elapsedMs) * 1000,
    drainMs,
    cpu: Object.fromEntries(
      processGroups.map((group) => [group, (used[group] ?? 0) / measured.succeeded]),
    ) as Round['cpu'],
    foreignShare: Math.max(0, foreign / (wall * CPUS)),
  };
}

const CPUS = (await import('node:os')).availableParallelism();

async function cpuTimes(platform: Platform, generator: LoadGenerator, instances: Instances) {
  const { postgres, redis, kafka } = platform.parts;
  const server = await cpuTimeOfPostgres(postgres.pid ?? 0);
  const own = process.cpuUsage();
  const functions = await Promise.all(instances.pids.map(cpuTimeOf));
  const ours: Record<ProcessGroup, number> = {
    function: functions.reduce((sum, time) => sum + time, 0),
    'PostgreSQL, backends': server.backends,
    'PostgreSQL, background': server.background,
    Kafka: await cpuTimeOf(kafka?.pid ?? 0),
    // The proxy runs in this process, which also runs the benchmark.
    'Redis, its proxy, the run itself': (await cpuTimeOf(redis.pid ?? 0)) + own.user + own.system,
    'load generator': await cpuTimeOf(generator.pid),
  };
  return { ours, ...(await cpuTimeOfMachine()) };
}

/** Waits until every event is published. Throws when they stay. */
async function untilDrained(admin: pg.Client): Promise<number> {
  const start = performance.now();
  for (;;) {
    const { rows } = await admin.query<{ waiting: boolean }>('select exists (select from outbox) as waiting');
    const waited = performance.now() - start;
    if (!rows[0]?.waiting) return waited;
    if (waited > DRAIN_LIMIT_MS) throw new Error(`The outbox was not empty after ${DRAIN_LIMIT_MS / 1000} s.`);
    await delay(20);
  }
}
