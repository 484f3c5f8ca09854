// How long a stopped function takes to its first successful answer, against an empty function of the same framework, bundled the same
// way. Real parts; one process at a time; a turn of each, then again, so that what disturbs the machine disturbs all of them.
//   node test/bench/cold-start.ts [--rounds 15] [--functions pay,login] [--write]      --write: the table in knative/measurements.md
// --compile-cache: with V8's compile cache, filled by the turns before the first that counts, for the empty function, too.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { basename, join } from 'node:path';
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { functionPaths, hostOfFunction, ROOT, writtenServices } from '../../knative/functions.ts';
import { buildPackages, bundle, bundleProgram } from '../../knative/local/build.ts';
import { freePort } from '../../knative/local/parts/free-port.ts';
import { kafkajsQuiet } from '../../knative/local/parts/kafka.ts';
import { table, writeBetween } from '../../knative/local/table.ts';
import { bundleName } from '../../shared/platform/host/bundle-name.ts';
import { allowLogin } from './accounts.ts';
import { circumstancesOf } from './circumstances.ts';
import { type Connection, openConnection } from './connection.ts';
import { type Loaded, loadedOf } from './loaded.ts';
import { type Platform, startPlatform } from './platform.ts';
import { type Asked, layOut, type Requests } from './requests.ts';
import { signTokens } from './tokens.ts';

/** What each answers when it succeeds. */
const SUCCESS = {
  login: 200,
  register: 201,
  pay: 201,
  topup: 202,
  'get-account': 200,
  'list-transactions': 200,
  transfer: 201,
} as const satisfies Partial<Record<Asked, number>>;
type Measured = keyof typeof SUCCESS;

const MEASUREMENTS = join(ROOT, 'knative/measurements.md');
const ACCOUNTS = 200;
const SEED = 20_261_121;
/** Before the first that counts: the disk's cache and PostgreSQL's. */
const WARM_UP = 2;
const RETRY_MS = 1;
const LIMIT_MS = 20_000;
const EMPTY = Buffer.from('GET / HTTP/1.1\r\nHost: empty\r\n\r\n', 'latin1');
const emptyRequest: Requests = {
  longest: EMPTY.length,
  write: (target: Buffer) => EMPTY.copy(target),
  bodies: 1,
  own: false,
};

const { values: options } = parseArgs({
  options: {
    write: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '15' },
    functions: { type: 'string', default: Object.keys(SUCCESS).join(',') },
    'compile-cache': { type: 'boolean', default: false },
    /** Each function in a bundle of its own, whatever the manifests group. */
    alone: { type: 'boolean', default: false },
  },
});
const names = options.functions.split(',') as Measured[];
const stranger = names.find((name) => !(name in SUCCESS));
if (stranger) throw new Error(`${stranger} is not measured; these are: ${Object.keys(SUCCESS).join(', ')}.`);
const rounds = Number(options.rounds);

/** No key twice. */
let serial = 0;

// Whatever ends this process, nothing of it stays.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

const bundles = join(ROOT, '.build');
/** Into the folder of all functions: what is native is found from there. */
async function buildAll(): Promise<{ sizes: Map<string, Loaded>; programs: Map<string, string> }> {
  const sizes = new Map<string, Loaded>();
  const programs = new Map<string, string>();
  const packages = await buildPackages(bundles);
  const paths = await functionPaths();
  const services = await writtenServices(join(ROOT, 'knative/base'));
  for (const path of paths) {
    const name = basename(path);
    if (!(name in SUCCESS)) continue;
    const deployed = await hostOfFunction(name, services);
    const { args, metafile } = await bundle(options.alone ? [path] : deployed.args, paths, bundles);
    programs.set(name, join(bundles, bundleName(args)));
    sizes.set(name, loadedOf(basename(bundleName(args), '.mjs'), metafile, packages));
  }
  const empty = await bundleProgram('bench-empty', `import './test/bench/empty-function/serve.ts';`, bundles);
  sizes.set('empty', loadedOf('bench-empty', empty));
  programs.set('empty', join(bundles, 'bench-empty.mjs'));
  return { sizes, programs };
}

async function measure(programs: ReadonlyMap<string, string>, platform: Platform) {
  const { people, payments, key, directory, freshDatabase, environmentOf } = platform;
  const { admin, name: database } = await freshDatabase();
  await allowLogin(admin);
  const tokens = await signTokens(key, people, 0);
  const requests = new Map(names.map((name) => [name, layOut(name, { people, payments, seed: SEED }, tokens)]));
  const times = new Map<string, number[]>(['empty', ...names].map((name) => [name, []]));
  const cache: Record<string, string> = options['compile-cache']
    ? { NODE_COMPILE_CACHE: join(directory, 'compile-cache') }
    : {};
  for (let round = -WARM_UP; round < rounds; round++) {
    for (const [name, all] of times) {
      const asked = requests.get(name as Measured);
      const time = await timeToAnswer(
        programs.get(name) as string,
        { ...(asked && (await environmentOf(name, database))), ...cache },
        asked ?? emptyRequest,
        asked ? SUCCESS[name as Measured] : 200,
        round + WARM_UP,
      );
      if (round >= 0) all.push(time);
    }
  }
  return times;
}

/** Milliseconds from the start of the process. Everybody asks once: nothing is known about her yet. */
async function timeToAnswer(
  program: string,
  environment: Record<string, string>,
  { longest, write, own, bodies }: Requests,
  success: number,
  turn: number,
): Promise<number> {
  const port = await freePort();
  const start = performance.now();
  const child = spawn(process.execPath, [kafkajsQuiet.nodeOption, program], {
    env: { ...environment, ...kafkajsQuiet.environment, NODE_ENV: 'production', LOG_LEVEL: 'warn', PORT: String(port) },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  const ended = once(child, 'exit');
  try {
    const { promise: answered, resolve, reject } = Promise.withResolvers<number>();
    const { request, send, close } = await connectAsSoonAsPossible(port, longest, {
      answered: (status, text) => {
        if (status === success) resolve(performance.now() - start);
        else reject(new Error(`${program} answered ${text}`));
      },
      failed: (why) => reject(new Error(`${program}: ${why}`)),
    });
    try {
      send(write(request, turn, own ? turn : Math.min(turn + 1, bodies - 1), serial++));
      return await answered;
    } finally {
      close();
    }
  } finally {
    child.kill('SIGTERM');
    await ended;
    process.off('exit', kill);
  }
}

async function connectAsSoonAsPossible(
  ...[port, longest, events]: Parameters<typeof openConnection>
): Promise<Connection> {
  for (const deadline = Date.now() + LIMIT_MS; ; await delay(RETRY_MS)) {
    try {
      return await openConnection(port, longest, events);
    } catch (error) {
      if (Date.now() > deadline) throw error;
    }
  }
}

function reportOf(times: Map<string, number[]>, sizes: Map<string, Loaded>, circumstances: string[]): string {
  const floor = quantile(times.get('empty') ?? [], 0.5);
  const rows = [...times].map(([name, all]) => {
    const median = quantile(all, 0.5);
    const { atStart, later } = sizes.get(name) ?? { atStart: Number.NaN, later: Number.NaN };
    return [
      name === 'empty' ? 'empty function' : name,
      (median / floor).toFixed(2),
      median.toFixed(0),
      `${quantile(all, 0.25).toFixed(0)}–${quantile(all, 0.75).toFixed(0)}`,
      kilobytes(atStart),
      kilobytes(later),
    ];
  });
  return [
    ...circumstances,
    `- Median of ${rounds}, milliseconds from the start of the process`,
    '',
    ...table(['function', '÷ empty', 'ms', 'middle half', 'kB read at start', 'kB in later files'], rows),
  ].join('\n');
}

function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.floor((sorted.length - 1) * share)] ?? Number.NaN;
}

function kilobytes(bytes: number): string {
  return (bytes / 1000).toFixed(0);
}

const { sizes, programs } = await buildAll();
const platform = await startPlatform({ accounts: ACCOUNTS, seed: SEED, bundles, withProviders: true });
try {
  const report = reportOf(await measure(programs, platform), sizes, await circumstancesOf(platform));
  process.stdout.write(`${report}\n`);
  if (options.write) await writeBetween(MEASUREMENTS, 'cold-start', report);
} finally {
  await platform.stop();
}
