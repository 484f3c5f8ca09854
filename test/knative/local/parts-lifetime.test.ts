import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { Redis } from '@upstash/redis';
import { Kafka, logLevel } from 'kafkajs';
import pg from 'pg';
import { claimDataDirectory, claimFile, replacementOf } from '../../../knative/local/parts/data-directory.ts';
import { startGuarded, stopLeftOver, waitUntilReady } from '../../../knative/local/parts/guarded-process.ts';
import { createTopics } from '../../../knative/local/parts/kafka.ts';
import { commandOf, identityOf } from '../../../knative/local/parts/process-identity.ts';
import { startParts } from '../../../knative/local/parts/start-parts.ts';
import { type TemporaryDirectory, temporaryDirectory } from '../../setup/temporary-directory.ts';
import type { StartedParts } from './run-parts.ts';

// The parts' promises about starting, ending, and being killed.

const script = fileURLToPath(new URL('./run-parts.ts', import.meta.url));
const ownEnvironment = { PATH: process.env['PATH'] };

let directory: TemporaryDirectory;
beforeEach(async () => {
  directory = await temporaryDirectory();
});
afterEach(() => directory.remove());

async function runParts(): Promise<{ owner: ChildProcess; parts: StartedParts }> {
  const owner = spawn(process.execPath, ['--disable-warning=TimeoutNegativeWarning', script, directory.path], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(createInterface(owner.stdout), 'line')) as [string];
  const parts = JSON.parse(line) as StartedParts;
  directory.usedBy(parts.pids);
  return { owner, parts };
}

async function allGone(pids: readonly number[]): Promise<void> {
  for (const pid of pids) while ((await identityOf(pid)) !== undefined) await delay(20);
}

/** The shells that guard the servers of a data directory. */
async function guardsOf(path: string): Promise<number[]> {
  const guards: number[] = [];
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number)) {
    const words = await commandOf(pid);
    if (words.includes(' guard ') && words.includes(path)) guards.push(pid);
  }
  return guards;
}

async function inDatabase<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

test('the parts end with their owner even when it is killed, and the data are there at the next start', async () => {
  const first = await runParts();
  await inDatabase(first.parts.adminUrl, (client) => client.query('create table kept as select 42 as answer'));
  await new Redis(first.parts.redis).set('kept', 'yes');
  if (first.parts.brokers) await produce([...first.parts.brokers], 'kept', 'yes');
  first.owner.kill('SIGKILL');
  await allGone(first.parts.pids);

  const second = await runParts();
  expect(second.parts.adminUrl).toBe(first.parts.adminUrl);
  const { rows } = await inDatabase(second.parts.adminUrl, (client) => client.query('select answer from kept'));
  expect(rows).toEqual([{ answer: 42 }]);
  expect(await new Redis(second.parts.redis).get('kept')).toBe(second.parts.redis.keepsData ? 'yes' : null);
  if (second.parts.brokers) expect(await consumeOne([...second.parts.brokers], 'kept')).toBe('yes');
  // Ctrl-C ends an owner that has no handler for it.
  second.owner.kill('SIGINT');
  await allGone(second.parts.pids);
}, 120_000);

// Finds the guards in /proc.
const onLinux = process.platform === 'linux' ? test : test.skip;

onLinux(
  'a PostgreSQL without its guard is stopped by the next start, even when its record is lost',
  async () => {
    const first = await runParts();
    const postgres = first.parts.pids[0] ?? 0;
    // Kills the guards first: they would stop it when the owner ends.
    for (let guards = await guardsOf(directory.path); guards.length > 0; guards = await guardsOf(directory.path)) {
      for (const pid of guards) process.kill(pid, 'SIGKILL');
      await allGone(guards);
    }
    first.owner.kill('SIGKILL');
    await allGone([first.owner.pid ?? 0]);
    expect(await identityOf(postgres)).toBeDefined();
    await rm(join(directory.path, 'postgres.process'));

    const second = await runParts();
    await allGone(first.parts.pids);
    second.owner.kill('SIGKILL');
    await allGone(second.parts.pids);
  },
  120_000,
);

test('a second start on the same data names the process and the addresses in its way', async () => {
  const parts = await startParts({ dataDirectory: directory.path, environment: ownEnvironment, withoutKafka: true });
  await expect(
    startParts({ dataDirectory: directory.path, environment: ownEnvironment, withoutKafka: true }),
  ).rejects.toThrow(
    new RegExp(
      `in use by process ${process.pid}, .* PostgreSQL at ${parts.postgres.address}, Redis over REST at http:`,
    ),
  );
  await parts.stop();
  await expect(claimDataDirectory(directory.path).then((data) => data.release())).resolves.toBeUndefined();
});

const DEAD = { pid: process.pid, identity: 'another start', since: new Date(0).toISOString(), addresses: {} };

test('the claim of an owner that was killed is replaced', async () => {
  await writeFile(join(directory.path, 'owner.json'), JSON.stringify(DEAD));
  await (await claimDataDirectory(directory.path)).release();
});

test('of many processes that find an old claim at once, one replaces it; one that died meanwhile blocks none', async () => {
  for (let round = 0; round < 100; round++) {
    const file = join(directory.path, `token-${round}`);
    await writeFile(file, JSON.stringify(DEAD));
    if (round % 2 === 1) await writeFile(replacementOf(file, JSON.stringify(DEAD)), JSON.stringify(DEAD));
    const claims = await Promise.all(Array.from({ length: 8 }, () => claimFile(file, {})));
    const ours = claims.flatMap((claim) => ('release' in claim ? [claim] : []));
    expect({ round, ours: ours.length }).toEqual({ round, ours: 1 });
    await ours[0]?.release();
  }
  expect((await readdir(directory.path)).filter((name) => name.startsWith('token-'))).toEqual([]);
});

test('when one part cannot start, the others are stopped and the error gives its reason', async () => {
  const cluster = join(directory.path, 'postgres', 'cluster');
  await mkdir(cluster, { recursive: true });
  await writeFile(join(cluster, 'PG_VERSION'), '9\n');
  await expect(
    startParts({ dataDirectory: directory.path, environment: ownEnvironment, withoutKafka: true }),
  ).rejects.toThrow(/The data in .* are of PostgreSQL 9, the server is 18: /);
  const left = await readdir(directory.path);
  expect(left.filter((name) => name.endsWith('.process') || name === 'owner.json')).toEqual([]);
});

test('a part that must be real is not replaced by a substitute', async () => {
  const options = { dataDirectory: directory.path, environment: { PATH: '' }, withoutKafka: true };
  await expect(startParts({ ...options, mustBeReal: ['redis'] })).rejects.toThrow(
    /A real Redis is required here, and this would be js-redis-server/,
  );
  await expect(startParts({ ...options, mustBeReal: ['kafka'] })).rejects.toThrow(/A real Kafka is required here/);
});

test('a part that ends by itself is noticed', async () => {
  const parts = await startParts({ dataDirectory: directory.path, environment: ownEnvironment, withoutKafka: true });
  process.kill(parts.postgres.pid ?? 0, 'SIGKILL');
  expect(await parts.oneEnded).toMatch(/^PostgreSQL has ended with exit code 137 \(logs: .*\)\.$/);
  await parts.stop();
});

test('secrets are kept between starts, readable by their owner alone', async () => {
  const first = await claimDataDirectory(directory.path);
  await first.release();
  const second = await claimDataDirectory(directory.path);
  expect(second.secrets).toEqual(first.secrets);
  const each = [first.secrets.postgres, first.secrets.redis, ...Object.values(first.secrets.roles)];
  expect(new Set(each).size).toBe(each.length);
  expect((await stat(join(directory.path, 'secrets.json'))).mode & 0o777).toBe(0o600);
  await second.release();
});

test('the error about a server that does not start quotes its last words', async () => {
  const server = await startGuarded(command('echo "FATAL: no such thing" >&2; exit 3'));
  await expect(waitUntilReady(server, async () => undefined, 10)).rejects.toThrow(
    /^Example ended at start with exit code 3: FATAL: no such thing \(log: .*\)\.$/,
  );
  const missing = await startGuarded({ ...command(''), command: '/no/such/program', args: [] });
  await expect(waitUntilReady(missing, async () => undefined, 10)).rejects.toThrow(/exit code 127: .*not found/);
  const silent = await startGuarded(command('sleep 1000'));
  await expect(waitUntilReady(silent, async () => undefined, 0.1)).rejects.toThrow(/was not ready after 0.1 s/);
  expect(await identityOf(silent.pid)).toBeUndefined();
});

test('a server that ignores its stop signal is killed after the limit', async () => {
  const stubborn = 'trap "" TERM; echo deaf; while :; do sleep 0.05; done';
  const server = await startGuarded({ ...command(stubborn), stopSeconds: 1 });
  await waitUntilReady(server, async () => (await readFile(server.logFile, 'utf8')).includes('deaf') || undefined, 10);
  await server.stop();
  expect(await server.ended).toBe('exit code 137');
  expect(await identityOf(server.pid)).toBeUndefined();
});

test('a left-over server is stopped; another process with its number is left alone', async () => {
  const sleeper = spawn('sleep', ['1000'], { stdio: 'ignore' });
  const pid = sleeper.pid ?? 0;
  const record = join(directory.path, 'example.process');
  await writeFile(record, JSON.stringify({ pid, identity: 'an earlier process with this number' }));
  await stopLeftOver(record, 'SIGTERM', 5);
  expect(sleeper.signalCode).toBeNull();
  await writeFile(record, JSON.stringify({ pid, identity: await identityOf(pid) }));
  await stopLeftOver(record, 'SIGTERM', 5);
  expect(await identityOf(pid)).toBeUndefined();
  await expect(readFile(record)).rejects.toThrow('ENOENT');
});

function command(shell: string) {
  return {
    name: 'Example',
    command: '/bin/sh',
    args: ['-c', shell],
    directory: directory.path,
    logFile: join(directory.path, 'logs', `example-${Math.random()}.log`),
    recordFile: join(directory.path, 'example.process'),
    stopSignal: 'TERM' as const,
    stopSeconds: 5,
  };
}

async function produce(brokers: string[], topic: string, value: string): Promise<void> {
  await createTopics(brokers, [topic], 1);
  const producer = new Kafka({ brokers, logLevel: logLevel.NOTHING }).producer({ idempotent: true });
  await producer.connect();
  await producer.send({ topic, acks: -1, messages: [{ key: 'account', value }] });
  await producer.disconnect();
}

async function consumeOne(brokers: string[], topic: string): Promise<string> {
  const consumer = new Kafka({ brokers, logLevel: logLevel.NOTHING }).consumer({
    groupId: 'reader',
    maxWaitTimeInMs: 100,
  });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  const value = await new Promise<string>((resolve) => {
    void consumer.run({ eachMessage: async ({ message }) => resolve(message.value?.toString() ?? '') });
  });
  await consumer.disconnect();
  return value;
}
