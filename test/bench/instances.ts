// The processes that are compared: instances of our functions, of pay written the plain way, and of an empty function of the framework.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { pathOf, ROOT } from '../../knative/functions.ts';
import { freePort } from '../../knative/local/parts/free-port.ts';
import { type GuardedProcess, startGuarded } from '../../knative/local/parts/guarded-process.ts';
import { kafkajsQuiet } from '../../knative/local/parts/kafka.ts';
import { bundleName } from '../../shared/platform/host/bundle-name.ts';
import type { LoadGenerator } from './load-generator.ts';
import type { Platform } from './platform.ts';
import type { Asked } from './requests.ts';

export type Program = Asked | 'plain' | 'empty';

/** The plain way and the empty function are sent payments. */
export function functionOf<Name extends Program>(program: Name): FunctionOf<Name> {
  return (program === 'plain' || program === 'empty' ? 'pay' : program) as FunctionOf<Name>;
}
type FunctionOf<Name extends Program> = Name extends 'plain' | 'empty' ? 'pay' : Name;

export interface Instances {
  program: Program;
  ports: number[];
  pids: number[];
  /** Errors that they logged, a line each. */
  complaints(): Promise<string[]>;
  stop(): Promise<void>;
}

/** Longer than it takes: it ends when every token has been introduced. */
const INTRODUCTION_LIMIT_MS = 60_000;
/** The plain way has the pool that such a function usually gets. */
const PLAIN_POOL_SIZE = '10';
const READY_LIMIT_MS = 20_000;

/** `nodeOptions` come first on the command line; `unbundled` runs the sources, so that a profile names their files. */
export async function startInstances(
  platform: Platform,
  program: Program,
  count: number,
  database: string,
  { nodeOptions = [], unbundled = false }: { nodeOptions?: string[]; unbundled?: boolean } = {},
): Promise<Instances> {
  const processes: GuardedProcess[] = [];
  const logs: string[] = [];
  const ports: number[] = [];
  try {
    for (let number = 1; number <= count; number++) {
      const name = `${program}-${process.hrtime.bigint()}`;
      const port = await freePort();
      const logFile = join(platform.directory, 'logs', `${name}.log`);
      const started = await startGuarded({
        name: program,
        command: process.execPath,
        args: [...nodeOptions, kafkajsQuiet.nodeOption, ...(await argumentsOf(program, platform, port, unbundled))],
        directory: ROOT,
        environment: {
          ...(program === 'empty' ? {} : await platform.environmentOf(functionOf(program), database)),
          ...(program === 'plain' && { DATABASE_POOL_SIZE: PLAIN_POOL_SIZE }),
          ...kafkajsQuiet.environment,
          NODE_ENV: 'production',
          PORT: String(port),
        },
        logFile,
        recordFile: join(platform.directory, `${name}.process`),
        stopSignal: 'TERM',
        stopSeconds: 30,
      });
      processes.push(started);
      logs.push(logFile);
      ports.push(port);
    }
    await Promise.all(ports.map((port) => untilAnswers(port)));
  } catch (error) {
    await Promise.all(processes.map((one) => one.stop()));
    throw new Error(
      `${program} did not start: ${(error as Error).message}\n${(await linesOf(logs)).slice(-5).join('\n')}`,
    );
  }
  return {
    program,
    ports,
    pids: processes.map(({ pid }) => pid),
    complaints: async () => (await linesOf(logs)).filter((line) => !line.startsWith('{"level":"info"')),
    stop: async () => {
      await Promise.all(processes.map((one) => one.stop()));
    },
  };
}

/** Shows every known token to every instance, which verifies it and remembers it. */
export async function introduceTokens(generator: LoadGenerator, { program, ports }: Instances): Promise<void> {
  if (program === 'empty') return;
  for (const port of ports) {
    const { failures } = await generator.run({
      ports: [port],
      connections: 20,
      asks: functionOf(program),
      distribution: 'uniform',
      tokens: 'introduced',
      rampMs: 0,
      measuredMs: INTRODUCTION_LIMIT_MS,
    });
    if (Object.keys(failures).length > 0)
      throw new Error(`${program} did not take the tokens: ${JSON.stringify(failures)}`);
  }
}

async function argumentsOf(
  program: Program,
  { bundles }: Platform,
  port: number,
  unbundled: boolean,
): Promise<string[]> {
  if (program === 'empty') {
    const framework = join(ROOT, 'node_modules/.bin/functions-framework');
    return [framework, '--target=empty', `--source=${join(ROOT, 'test/bench/empty-function')}`, `--port=${port}`];
  }
  if (unbundled) return [join(ROOT, `test/bench/run-${program}.ts`)];
  return [join(bundles, program === 'plain' ? 'plain-pay.mjs' : bundleName([await pathOf(program)]))];
}

async function untilAnswers(port: number): Promise<void> {
  for (const deadline = Date.now() + READY_LIMIT_MS; ; await delay(20)) {
    try {
      const response = await fetch(`http://127.0.0.1:${port}/health/readiness`, { headers: { connection: 'close' } });
      await response.arrayBuffer();
      return;
    } catch (error) {
      if (Date.now() > deadline) throw error;
    }
  }
}

async function linesOf(files: string[]): Promise<string[]> {
  const texts = await Promise.all(files.map((file) => readFile(file, 'utf8').catch(() => '')));
  return texts.flatMap((text) => text.split('\n').filter(Boolean));
}
