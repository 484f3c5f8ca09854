// `make tune FUNCTION=pay`: one instance as its manifest says, on real parts, with more and more requests in flight; what it did, and
// the settings it would choose.
//   node test/bench/tune.ts pay [--concurrency 1,10,50] [--seconds 3]
//   node test/bench/tune.ts --write      the six main functions, one after the other: the table in knative/tuning.md

import { join } from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { meaningsOf } from '../../knative/explain/meaning.ts';
import { hostOfFunction, ROOT } from '../../knative/functions.ts';
import { databaseUrl } from '../../knative/local/parts/postgres.ts';
import { table, textTable, writeBetween } from '../../knative/local/table.ts';
import { allowLogin } from './accounts.ts';
import { circumstancesOf } from './circumstances.ts';
import { introduceTokens, startInstances } from './instances.ts';
import type { Load } from './load.ts';
import { startLoadGenerator } from './load-generator.ts';
import { type Platform, startPlatform } from './platform.ts';
import { runRound } from './round.ts';
import { choose, cores, type Setting, type Step } from './tune/choice.ts';
import { watchDuring } from './tune/watch.ts';

const MAIN = ['login', 'pay', 'topup', 'get-account', 'list-transactions', 'transfer'] as const;
const TUNED = [...MAIN, 'refund', 'find-payee'] as const;
type Tuned = (typeof TUNED)[number];
/** These learn tokens from requests that are refused; others from those of the warm-up. */
const MOVES_MONEY: readonly string[] = ['pay', 'transfer', 'refund'];

const ACCOUNTS = 5_000;
const SEED = 20_261_121;
const WARM_UP_MS = 5_000;
const RAMP_MS = 300;

const { values: options, positionals } = parseArgs({
  options: {
    concurrency: { type: 'string', default: '1,2,5,10,20,50,100,200' },
    seconds: { type: 'string', default: '4' },
    write: { type: 'boolean', default: false },
  },
  allowPositionals: true,
});

const say = (text: string) => process.stdout.write(`${text}\n`);
// The parts, the function and the generator die with this process, whatever ends it.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

function isTuned(wanted: string): wanted is Tuned {
  return (TUNED as readonly string[]).includes(wanted);
}

interface Tuning {
  name: Tuned;
  steps: Step[];
  /** Undefined when something failed at every concurrency. */
  settings: Setting[] | undefined;
  circumstances: string[];
}

async function tune(name: Tuned): Promise<Tuning> {
  const bundles = join(ROOT, '.build');
  const platform = await startPlatform({ accounts: ACCOUNTS, seed: SEED, bundles, withProviders: name === 'topup' });
  try {
    const host = await hostOfFunction(name, platform.manifests.services);
    const pool = meaningsOf(platform.manifests, new Map()).find((meaning) => meaning.name === host.name)?.database;
    const steps = await measure(platform, name, pool);
    say(`\n${textTable([HEAD, ...steps.map(row)])}\n`);
    const settings = choose(steps, pool?.pool);
    report(name, settings);
    return { name, steps, settings, circumstances: await circumstancesOf(platform) };
  } finally {
    await platform.stop();
  }
}

async function measure(
  platform: Platform,
  name: Tuned,
  held: { role: string; pool: number } | undefined,
): Promise<Step[]> {
  const { people, payments, key, parts } = platform;
  const { admin, name: database } = await platform.freshDatabase();
  if (name === 'login') await allowLogin(admin);
  const watcher = new pg.Client({ connectionString: databaseUrl(parts.postgres.adminUrl, database) });
  await watcher.connect();
  const generator = await startLoadGenerator({ people, payments, key, seed: SEED });
  const instances = await startInstances(platform, name, 1, database);
  try {
    const pool = held && { size: held.pool, role: `one_gate_${held.role}`, client: watcher };
    const load = (connections: number, measuredMs: number): Load => ({
      ports: instances.ports,
      connections,
      asks: name,
      distribution: 'uniform',
      tokens: 'known',
      rampMs: RAMP_MS,
      measuredMs,
    });
    const round = (connections: number, measuredMs: number) =>
      watchDuring(
        runRound(platform, admin, generator, instances, load(connections, measuredMs)),
        instances.pids[0] as number,
        pool,
      );
    say(`${name}: one instance as its manifest says, ${options.seconds} s each`);
    if (MOVES_MONEY.includes(name)) await introduceTokens(generator, instances);
    await round(20, WARM_UP_MS);
    const steps: Step[] = [];
    for (const concurrency of options.concurrency.split(',').map(Number)) {
      const [{ rate, p50, p95, p99, cpu, failures, example }, seen] = await round(
        concurrency,
        Number(options.seconds) * 1000,
      );
      const failed = Object.values(failures).reduce((sum, count) => sum + count, 0);
      steps.push({ concurrency, rate, p50, p95, p99, cpuMs: cpu.function / 1000, failed, ...seen });
      say(
        `${concurrency}: ${rate.toFixed(0)}/s${failed > 0 ? `, ${failed} failed: ${example?.split('\r\n', 1)[0] ?? ''}` : ''}`,
      );
    }
    return steps;
  } finally {
    await instances.stop();
    await generator.stop();
    await watcher.end();
  }
}

const HEAD = [
  'in flight',
  'answers/s',
  'p50 ms',
  'p95 ms',
  'p99 ms',
  'CPU ms each',
  'cores',
  'MiB',
  'connections at work',
  'pool full',
  'failed',
];

function row(step: Step): string[] {
  return [
    String(step.concurrency),
    step.rate.toFixed(0),
    ...[step.p50, step.p95, step.p99].map((time) => time.toFixed(1)),
    step.cpuMs.toFixed(2),
    cores(step).toFixed(2),
    step.rssMiB.toFixed(0),
    String(step.busy),
    `${(step.poolFull * 100).toFixed(0)} %`,
    String(step.failed),
  ];
}

function report(name: Tuned, settings: readonly Setting[] | undefined): void {
  if (!settings) {
    say('At every concurrency something failed: there is nothing to choose from.');
    process.exitCode = 1;
    return;
  }
  say(`It would choose, for knative/base (make explain FUNCTION=${name} says what production has now):\n`);
  say(textTable(settings.map(({ name: setting, value, unit, why }) => [setting, `${value}${unit}`, why])));
  say(
    '\nEverything runs on this one machine and shares its CPUs: compare settings with each other, not with a cluster.\n' +
      'pool full: share of the looks at pg_stat_activity at which all of DATABASE_POOL_SIZE were at work, so that one more would wait.',
  );
}

const SETTINGS = [
  'target',
  'containerConcurrency',
  'DATABASE_POOL_SIZE',
  'requests.cpu',
  'requests.memory',
  'limits.memory',
];

/** A row per function: the settings that it would choose, and what an instance did at that target. */
function tableOf(tunings: readonly Tuning[]): string {
  const rows = tunings.map(({ name, steps, settings = [] }) => {
    const chosen = new Map(settings.map((setting) => [setting.name, setting]));
    const knee = steps.find(({ concurrency }) => concurrency === chosen.get('target')?.value);
    const figures = knee ? [knee.rate.toFixed(0), knee.p50.toFixed(1), knee.p99.toFixed(1), knee.cpuMs.toFixed(2)] : [];
    const values = SETTINGS.map((each) => chosen.get(each)).map((each) => (each ? `${each.value}${each.unit}` : ''));
    return [name, ...values, ...figures];
  });
  return [
    ...(tunings.at(-1)?.circumstances ?? []),
    `- One instance as its manifest says, ${options.seconds} s at each of ${options.concurrency} requests in flight`,
    '',
    ...table(['function', ...SETTINGS, 'answers/s at target', 'p50 ms', 'p99 ms', 'CPU ms each'], rows),
  ].join('\n');
}

const names = positionals.length === 0 && options.write ? [...MAIN] : positionals;
const stranger = names.find((name) => !isTuned(name));
if (names.length === 0 || stranger) {
  process.stderr.write(
    `${stranger ? `${stranger} has no load of its own here` : 'FUNCTION is missing'}. There is one for ${TUNED.join(', ')}: make tune FUNCTION=pay\n`,
  );
  process.exit(1);
}
const tunings: Tuning[] = [];
for (const name of names.filter(isTuned)) tunings.push(await tune(name));
if (options.write) await writeBetween(join(ROOT, 'knative/tuning.md'), 'tuned', tableOf(tunings));
