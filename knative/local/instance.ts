// One process of a function, with the part of queue-proxy: the process is ready when its readiness probe says so, and
// it gets time to answer the requests in hand before it has to end.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import { Pool } from 'undici';
import { freePort } from './parts/free-port.ts';
import { startGuarded } from './parts/guarded-process.ts';
import { kafkajsQuiet } from './parts/kafka.ts';

/** Cluster-wide settings and places of the local Knative. */
export interface Cluster {
  /** The folder of `serve.mjs` and the bundles. */
  bundles: string;
  /** Logs go to `logs/`, records of running processes to `run/`. */
  dataDirectory: string;
  /** How often the autoscaler decides; Knative's is 2 s. */
  tickMs: number;
  log(sentence: string): void;
}

export interface Instance {
  readonly pid: number;
  readonly port: number;
  readonly pool: Pool;
  readonly startedAt: number;
  /** "exit code 1", once it has ended. */
  readonly ended: Promise<string>;
  /** The present answer of its readiness probe. */
  isReady(): Promise<boolean>;
  /** SIGTERM, then SIGKILL after the service's timeoutSeconds. */
  stop(): Promise<void>;
}

const READY_LIMIT_MS = 30_000;
/** queue-proxy probes every 50 ms at start; locally the process is nearer. */
const PROBE_MS = 10;
/** Ports that starting instances have been given and may not have bound yet. */
const promised = new Set<number>();
let serial = 0;

/**
 * Starts a process and waits until it is ready. Throws a sentence with the end of its log when it does not become
 * ready.
 */
export async function startInstance(...given: Parameters<typeof startOnPort>): Promise<Instance> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await startOnPort(...given);
    } catch (error) {
      // Another process took the port between our look and the bind.
      if (attempt === 3 || !(error as Error).message.includes('EADDRINUSE')) throw error;
    }
  }
}

async function startOnPort(
  cluster: Cluster,
  { name, args, timeoutSeconds }: { name: string; args: readonly string[]; timeoutSeconds: number },
  environment: Readonly<Record<string, string>>,
): Promise<Instance> {
  const port = await promisePort();
  serial += 1;
  const logFile = join(cluster.dataDirectory, 'logs', `${name}.log`);
  const startedAt = Date.now();
  try {
    const server = await startGuarded({
      name,
      command: process.execPath,
      args: [kafkajsQuiet.nodeOption, 'serve.mjs', ...args],
      directory: cluster.bundles,
      environment: {
        ...kafkajsQuiet.environment,
        ...environment,
        NODE_ENV: 'production',
        PORT: String(port),
        // On a cluster network policies keep other callers away; a laptop may be in a public network.
        HOST: '127.0.0.1',
        K_SERVICE: name,
        K_CONFIGURATION: name,
        K_REVISION: `${name}-local`,
      },
      logFile,
      recordFile: join(cluster.dataDirectory, 'run', `${name}-${process.pid}-${serial}.process`),
      stopSignal: 'TERM',
      stopSeconds: timeoutSeconds,
    });
    const pool = new Pool(`http://127.0.0.1:${port}`, { keepAliveTimeout: 60_000 });
    try {
      await untilReady(pool, server.ended);
    } catch (error) {
      await server.stop();
      await pool.destroy();
      throw new Error(`${name} ${(error as Error).message}${await lastWords(logFile)} (log: ${logFile})`);
    }
    const stop = async () => {
      await server.stop();
      await pool.destroy();
    };
    return { pid: server.pid, port, pool, startedAt, ended: server.ended, isReady: () => probe(pool), stop };
  } finally {
    promised.delete(port);
  }
}

async function promisePort(): Promise<number> {
  for (;;) {
    const port = await freePort();
    if (promised.has(port)) continue;
    promised.add(port);
    return port;
  }
}

async function untilReady(pool: Pool, ended: Promise<string>): Promise<void> {
  let end: string | undefined;
  void ended.then((how) => {
    end = how;
  });
  for (const deadline = Date.now() + READY_LIMIT_MS; Date.now() < deadline; await delay(PROBE_MS)) {
    if (end !== undefined) throw new Error(`ended before it was ready, with ${end}`);
    if (await probe(pool)) return;
  }
  throw new Error(`was not ready after ${READY_LIMIT_MS / 1000} s`);
}

async function probe(pool: Pool): Promise<boolean> {
  try {
    const answer = await pool.request({ method: 'GET', path: '/health/readiness', headersTimeout: 1000 });
    await answer.body.dump();
    return answer.statusCode === 200;
  } catch {
    return false;
  }
}

/** ": Error: DATABASE_URL is not set", from the end of its log. */
async function lastWords(logFile: string): Promise<string> {
  const lines = (await readFile(logFile, 'utf8').catch(() => '')).trimEnd().split('\n').slice(-30);
  const telling = lines.findLast((line) => /^\s*\w*Error\b|"level":"(fatal|error)"/.test(line)) ?? lines.at(-1) ?? '';
  return telling === '' ? '' : `: ${telling.trim().slice(0, 300)}`;
}
