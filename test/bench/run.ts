// make bench: how fast `pay` is, as a ratio to an empty function of the same framework and to the plain way of writing it.
//   node test/bench/run.ts             everything (half an hour), and the tables of README.md with their plans in plans.md
//   node test/bench/run.ts --quick     two minutes, printed only
//   node test/bench/run.ts --history   what reading a million legs costs (a few minutes; also part of everything)
//   node test/bench/run.ts --regulators  what regulators read of ten million transactions (a quarter of an hour; also part of everything)
//   node test/bench/run.ts --profile   where the time goes: of pay, of the empty function, of PostgreSQL
// Options: --instances 1,2 --connections 50 --rounds 1 (another matrix), --seed <number>, --write (the files also after
// --quick; --profile writes profile.md)

import { join } from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { writeBetween } from '../../knative/local/table.ts';
import { circumstancesOf } from './circumstances.ts';
import { measureHistory } from './history.ts';
import { measureIndexes } from './index-cost.ts';
import { startLoadGenerator } from './load-generator.ts';
import { runMatrix } from './matrix.ts';
import { type Plan, plans } from './plan.ts';
import { startPlatform } from './platform.ts';
import { profile, STATEMENT_SETTINGS } from './profile.ts';
import { measureRegulators } from './regulators.ts';
import { reportOf } from './report.ts';

/** The number of transactions behind regulators' figures. */
const TRANSACTIONS = 10_000_000;
const README = join(import.meta.dirname, 'README.md');
const PLANS = join(import.meta.dirname, 'plans.md');
const PROFILE = join(import.meta.dirname, 'profile.md');

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    profile: { type: 'boolean', default: false },
    history: { type: 'boolean', default: false },
    regulators: { type: 'boolean', default: false },
    transactions: { type: 'string' },
    write: { type: 'boolean', default: false },
    instances: { type: 'string' },
    connections: { type: 'string' },
    rounds: { type: 'string' },
    seed: { type: 'string' },
  },
});

const say = (text: string) => process.stdout.write(`${text}\n`);
const chosen: Plan = options.quick || options.profile ? plans.quick : plans.full;
const plan: Plan = {
  ...chosen,
  seed: numbers(options.seed)?.[0] ?? chosen.seed,
  instances: numbers(options.instances) ?? chosen.instances,
  connections: numbers(options.connections) ?? chosen.connections,
  rounds: numbers(options.rounds)?.[0] ?? chosen.rounds,
};
/** README.md holds the whole matrix or nothing. */
const writes = options.write || (!options.quick && !options.instances && !options.connections && !options.rounds);

// The parts, the functions and the generator end with this process, however it ends.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

if (options.history || options.regulators) {
  if (options.history) await reportHistory();
  if (options.regulators) await reportRegulators();
  process.exit();
}
const startedAt = performance.now();
const platform = await startPlatform({
  accounts: plan.accounts,
  seed: plan.seed,
  ...(options.profile && { postgresSettings: STATEMENT_SETTINGS }),
});
try {
  const { people, payments, key } = platform;
  const generator = await startLoadGenerator({ people, payments, key, seed: plan.seed });
  try {
    const circumstances = await circumstancesOf(platform);
    say(`seed ${plan.seed}; ready after ${Math.round((performance.now() - startedAt) / 1000)} s`);
    if (options.profile) {
      const report = await profile(platform, generator, plan);
      say(report);
      if (options.write) await writeBetween(PROFILE, 'profile', report);
    } else {
      const results = await runMatrix(platform, generator, plan, say);
      const report = reportOf(results, plan, circumstances);
      say(report);
      if (writes) await writeBetween(README, 'figures', report);
      if (results.objections.length > 0) process.exitCode = 1;
    }
  } finally {
    await generator.stop();
  }
} finally {
  await platform.stop();
  say(`${Math.round((performance.now() - startedAt) / 1000)} s in all`);
}
if (writes && !options.profile) {
  await reportHistory();
  await reportRegulators();
}

async function reportHistory(): Promise<void> {
  const { figures, plans } = await measureHistory(plan.seed, say);
  say(`${figures}\n\n${plans}`);
  if (!writes) return;
  await writeBetween(README, 'history', figures);
  await writeBetween(PLANS, 'history', plans);
}

async function reportRegulators(): Promise<void> {
  const transactions = numbers(options.transactions)?.[0] ?? TRANSACTIONS;
  const { figures, plans } = await measureRegulators(plan.seed, transactions, say);
  say(`${figures}\n\n${plans}`);
  const cost = await measureIndexes(plan.accounts, plan.seed, say);
  say(cost);
  if (!writes || transactions !== TRANSACTIONS) return;
  await writeBetween(README, 'regulators', figures);
  await writeBetween(PLANS, 'regulators', plans);
  await writeBetween(README, 'index-cost', cost);
}

function numbers(list: string | undefined): number[] | undefined {
  const values = list?.split(',').map(Number);
  if (values?.some((value) => !Number.isInteger(value) || value < 1)) throw new Error(`${list} must be whole numbers.`);
  return values;
}
