// The functions of money as processes of their own, several of each, as their manifests have them; each behind a wire to its callers and
// a wire to PostgreSQL.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import { hostOfFunction, pathOf, ROOT } from '../../knative/functions.ts';
import { type Manifests, readManifests, type ServiceManifest } from '../../knative/local/manifests.ts';
import { freePort } from '../../knative/local/parts/free-port.ts';
import { type GuardedProcess, startGuarded } from '../../knative/local/parts/guarded-process.ts';
import { kafkajsQuiet } from '../../knative/local/parts/kafka.ts';
import { databaseUrl } from '../../knative/local/parts/postgres.ts';
import { type Objects, processEnvironment } from '../../knative/local/process-environment.ts';
import { providerSecrets } from '../../knative/local/simulators.ts';
import { SERVED_ROLES, type ServedRole } from '../../migrations/run.ts';
import { bundleName } from '../../shared/platform/host/bundle-name.ts';
import { gopay as gopayProvider } from '../../shared/providers/gopay/declaration.ts';
import type { GopayConfiguration } from '../../shared/providers/gopay/gopay.ts';
import type { TokenKey } from '../bench/tokens.ts';
import { WITHOUT_PROOFS } from '../setup/function-process.ts';
import { KINDS } from './books.ts';
import { openWire, type Trap, type Wire } from './proxy.ts';
import type { Servers } from './servers.ts';

/** Traps that the next suitable bytes of any function fall into. */
export interface Traps {
  beforeCommit: Trap;
  afterCommit: Trap;
  answerToClient: Trap;
}

export interface Instance {
  readonly name: string;
  /** Between its callers and itself. */
  readonly front: Wire;
  /** Between itself and PostgreSQL. */
  readonly database: Wire;
  readonly pid: number;
  /** kill -9, and started again; resolves when it answers. */
  crash(): Promise<void>;
  stop(): Promise<void>;
}

export interface Functions {
  of(name: string): readonly Instance[];
  all: readonly Instance[];
  /** Lines that instances have logged, of the level error and above. */
  complaints(): Promise<string[]>;
  stop(): Promise<void>;
}

const READY_WITHIN_MS = 60_000;
const AT_ONCE = 4;

export async function startFunctions(options: {
  counts: Readonly<Record<string, number>>;
  directory: string;
  servers: Servers;
  database: string;
  key: TokenKey;
  gopay: GopayConfiguration;
  /** Where events go when there is no Kafka. */
  sink: string;
  traps: Traps;
}): Promise<Functions> {
  const { counts, directory, traps, servers } = options;
  const manifests: Manifests = await readManifests(join(ROOT, 'knative/base'));
  const wanted = Object.entries(counts).flatMap(([name, count]) =>
    Array.from({ length: count }, (_, index) => ({ name, number: index + 1 })),
  );
  const instances: Instance[] = [];
  const logs: string[] = [];
  const startNext = async () => {
    for (let next = wanted.shift(); next; next = wanted.shift()) {
      const { name, number } = next;
      const manifest = await hostOfFunction(name, manifests.services);
      const logFile = join(directory, 'logs', `${name}-${number}.log`);
      logs.push(logFile);
      const database = await openWire(servers.postgresPort, {
        // A simple query: 'Q', length, "commit\0"; and the server's word for it.
        request: (bytes) => bytes.includes('commit\0') && traps.beforeCommit.catches(),
        answer: (bytes) => bytes.includes('COMMIT\0') && traps.afterCommit.catches(),
      });
      const environment = environmentOf(manifest, database.port, options);
      const answers = (KINDS as readonly string[]).includes(name);
      const watch = { answer: (bytes: Buffer) => answers && isSuccess(bytes) && traps.answerToClient.catches() };
      instances.push(await startInstance(`${name}-${number}`, name, database, environment, logFile, directory, watch));
    }
  };
  const stop = async () => {
    await Promise.all(instances.map((instance) => instance.stop()));
  };
  try {
    await Promise.all(Array.from({ length: AT_ONCE }, startNext));
  } catch (error) {
    await stop();
    throw error;
  }
  const byName = Map.groupBy(instances, ({ name }) => name.replace(/-\d+$/, ''));
  return {
    all: instances,
    of: (name) => byName.get(name) ?? [],
    complaints: async () => {
      const texts = await Promise.all(logs.map((file) => readFile(file, 'utf8').catch(() => '')));
      return texts.flatMap((text) =>
        text.split('\n').filter((line) => /^\{"level":"(error|fatal)"|^\s*at |Error/.test(line)),
      );
    },
    stop,
  };
}

function isSuccess(bytes: Buffer): boolean {
  return bytes.toString('latin1', 0, 10) === 'HTTP/1.1 2';
}

async function startInstance(
  name: string,
  program: string,
  database: Wire,
  environment: Record<string, string>,
  logFile: string,
  directory: string,
  watch: { answer(bytes: Buffer): boolean },
): Promise<Instance> {
  const front = await openWire(0, watch);
  let running: GuardedProcess;
  let stopped = false;
  const start = async () => {
    const port = await freePort();
    running = await startGuarded({
      name,
      command: process.execPath,
      args: [kafkajsQuiet.nodeOption, join(ROOT, '.build', bundleName([await pathOf(program)]))],
      directory: ROOT,
      environment: { ...environment, ...kafkajsQuiet.environment, NODE_ENV: 'production', PORT: String(port) },
      logFile,
      recordFile: join(directory, `${name}.process`),
      stopSignal: 'TERM',
      stopSeconds: 15,
    });
    await untilReady(name, port, running, () => stopped);
    front.target = port;
  };
  await start();
  return {
    name,
    front,
    database,
    get pid() {
      return running.pid;
    },
    crash: async () => {
      process.kill(running.pid, 'SIGKILL');
      await running.ended;
      await running.stop();
      if (!stopped) await start();
    },
    stop: async () => {
      stopped = true;
      await running.stop();
      await Promise.all([front.close(), database.close()]);
    },
  };
}

async function untilReady(
  name: string,
  port: number,
  { ended }: GuardedProcess,
  isStopped: () => boolean,
): Promise<void> {
  let end: string | undefined;
  void ended.then((how) => {
    end = how;
  });
  for (const deadline = Date.now() + READY_WITHIN_MS; ; await delay(25)) {
    if (end !== undefined && isStopped()) return;
    if (end !== undefined) throw new Error(`${name} ended with ${end} before it was ready`);
    try {
      const answer = await fetch(`http://127.0.0.1:${port}/health/readiness`, { headers: { connection: 'close' } });
      await answer.arrayBuffer();
      return;
    } catch (error) {
      if (Date.now() > deadline) throw error;
    }
  }
}

function environmentOf(
  manifest: ServiceManifest,
  databasePort: number,
  { servers, database, key, gopay, sink }: Parameters<typeof startFunctions>[0],
): Record<string, string> {
  const urlOf = (role: ServedRole) => {
    const url = new URL(
      databaseUrl(servers.adminUrl, database, { user: `one_gate_${role}`, password: servers.rolePasswords[role] }),
    );
    url.port = String(databasePort);
    return { url: url.href };
  };
  const secrets: Objects = {
    ...Object.fromEntries(SERVED_ROLES.map((role) => [`one-gate-database-${role}`, urlOf(role)])),
    'one-gate-redis': { url: `http://127.0.0.1:${servers.redisWire.port}`, token: servers.redisToken },
    ...WITHOUT_PROOFS,
    ...providerSecrets([{ provider: gopayProvider, settings: { ...gopay } }]),
  };
  const settings = {
    ...(servers.kafkaWire && { 'kafka-brokers': `127.0.0.1:${servers.kafkaWire.port}` }),
    'public-url': key.issuer,
    'token-issuer': key.issuer,
    'token-audience': key.audience,
    'token-public-keys': key.publicKeys,
    'log-level': 'warn',
  };
  return processEnvironment(manifest, { secrets, configMaps: { 'one-gate': settings }, sink });
}
