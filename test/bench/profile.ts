// Where the time goes: the CPU profiles of pay and of the empty function, and PostgreSQL's statements.

import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { table, wrapped } from '../../knative/local/table.ts';
import { type CpuShares, sharesOf } from './cpu-profile.ts';
import { introduceTokens, type Program, startInstances } from './instances.ts';
import type { LoadGenerator } from './load-generator.ts';
import type { Plan } from './plan.ts';
import type { Platform } from './platform.ts';
import { processGroups, type Round, runRound } from './round.ts';
import { resetStatements, statementsOf } from './statement-profile.ts';

export const STATEMENT_SETTINGS = {
  shared_preload_libraries: 'pg_stat_statements',
  'pg_stat_statements.track': 'all',
  'pg_stat_statements.track_planning': 'on',
};

const MEASURED_MS = 6_000;
const CONNECTIONS = 50;
/** Microseconds between samples. */
const INTERVAL = 200;

interface Profiled {
  round: Round;
  shares: CpuShares;
  statements: string[][];
}

export async function profile(platform: Platform, generator: LoadGenerator, plan: Plan): Promise<string> {
  const sections: string[] = [];
  for (const program of ['pay', 'empty', 'plain'] as const) {
    const profiled = await profileOf(platform, generator, plan, program);
    sections.push(describe(program, profiled));
  }
  return sections.join('\n\n');
}

async function profileOf(
  platform: Platform,
  generator: LoadGenerator,
  plan: Plan,
  program: Program,
): Promise<Profiled> {
  const { admin, name: database } = await platform.freshDatabase();
  const directory = join(platform.directory, `profile-${program}`);
  await mkdir(directory);
  const nodeOptions = ['--cpu-prof', `--cpu-prof-dir=${directory}`, `--cpu-prof-interval=${INTERVAL}`];
  const instances = await startInstances(platform, program, 1, database, { nodeOptions, unbundled: true });
  let round: Round;
  let statements: string[][];
  const window = { from: 0, to: 0 };
  try {
    const load = {
      asks: 'pay',
      distribution: 'uniform',
      tokens: 'known',
      ports: instances.ports,
      connections: CONNECTIONS,
    } as const;
    await introduceTokens(generator, instances);
    await runRound(platform, admin, generator, instances, { ...load, rampMs: 0, measuredMs: plan.warmUpMs });
    await resetStatements(admin);
    window.from = now();
    round = await runRound(platform, admin, generator, instances, { ...load, rampMs: 0, measuredMs: MEASURED_MS });
    window.to = window.from + MEASURED_MS * 1000;
    statements = await statementsOf(admin, round.succeeded);
  } finally {
    await instances.stop();
  }
  const [file = ''] = await readdir(directory);
  return { round, shares: await sharesOf(join(directory, file), window, INTERVAL, round.cpu.function), statements };
}

function describe(program: Program, { round, shares, statements }: Profiled): string {
  const { groups, functions } = shares;
  return [
    `### ${program}: ${Math.round(round.rate)} requests/s while profiled, ${CONNECTIONS} connections`,
    '',
    wrapped(
      `CPU microseconds per request: ${processGroups.map((group) => `${group} ${round.cpu[group].toFixed(0)}`).join(', ')}.`,
    ),
    '',
    ...table(['part', 'µs per request', 'share'], groups),
    '',
    ...table(['function', 'place', 'µs per request', 'share'], functions),
    ...(statements.length > 0
      ? [
          '',
          ...table(
            [
              'statement',
              'calls',
              'ms per call',
              'µs per request',
              'planning µs per request',
              'WAL bytes per request',
              'full pages per 1000',
            ],
            statements,
          ),
        ]
      : []),
  ].join('\n');
}

/** Microseconds on the clock that profiles use. */
function now(): number {
  return Number(process.hrtime.bigint() / 1000n);
}
