// What `pay` loses by the indexes that regulators' lists and reports need (migration 0020): rounds with them and without them in turn, on one
// database, with one instance and 50 connections.

import type pg from 'pg';
import { table } from '../../knative/local/table.ts';
import { introduceTokens, startInstances } from './instances.ts';
import { startLoadGenerator } from './load-generator.ts';
import { startPlatform } from './platform.ts';
import { type Round, runRound } from './round.ts';

const ROUNDS = 8;
const LOAD = { asks: 'pay', distribution: 'uniform', tokens: 'known', connections: 50, rampMs: 300 } as const;
const WARM_UP_MS = 4_000;
const MEASURED_MS = 3_000;

interface Index {
  name: string;
  definition: string;
}

/** The table, as Markdown. */
export async function measureIndexes(accounts: number, seed: number, say: (text: string) => void): Promise<string> {
  const platform = await startPlatform({ accounts, seed });
  try {
    const { people, payments, key } = platform;
    const generator = await startLoadGenerator({ people, payments, key, seed });
    try {
      const { admin, name } = await platform.freshDatabase();
      const instances = await startInstances(platform, 'pay', 1, name);
      try {
        const round = (measuredMs: number) =>
          runRound(platform, admin, generator, instances, { ...LOAD, ports: instances.ports, measuredMs });
        await introduceTokens(generator, instances);
        await round(WARM_UP_MS);
        return await compare(admin, () => round(MEASURED_MS), say);
      } finally {
        await instances.stop();
      }
    } finally {
      await generator.stop();
    }
  } finally {
    await platform.stop();
  }
}

async function compare(admin: pg.Client, round: () => Promise<Round>, say: (text: string) => void): Promise<string> {
  const indexes = await indexesOf(admin);
  const results: { with: Round[]; without: Round[] } = { with: [], without: [] };
  for (let turn = 0; turn < ROUNDS; turn++) {
    results.with.push(await round());
    for (const { name } of indexes) await admin.query(`drop index ${name}`);
    results.without.push(await round());
    for (const { definition } of indexes) await admin.query(definition);
    say(
      `turn ${turn + 1}: ${Math.round(results.with.at(-1)?.rate ?? 0)}/s with, ${Math.round(results.without.at(-1)?.rate ?? 0)}/s without`,
    );
  }
  const ratios = results.with.map(({ rate }, turn) => rate / (results.without[turn]?.rate ?? 1)).sort((a, b) => a - b);
  const row = (title: string, rounds: Round[]) => [
    title,
    Math.round(median(rounds.map(({ rate }) => rate))).toString(),
    median(rounds.map(({ p99 }) => p99)).toFixed(1),
    median(rounds.map(({ cpu }) => cpu['PostgreSQL, backends'])).toFixed(0),
  ];
  return [
    `With ÷ without, ${ROUNDS} neighbours in time: median **${median(ratios).toFixed(2)}** (${ratios[0]?.toFixed(2)}–${ratios.at(-1)?.toFixed(2)}).`,
    '',
    ...table(
      ['pay, 1 instance, 50 connections', 'requests/s', 'p99 ms', 'µs of PostgreSQL a payment'],
      [row('with the indexes of 0020', results.with), row('without them', results.without)],
    ),
  ].join('\n');
}

async function indexesOf(admin: pg.Client): Promise<Index[]> {
  const { rows } = await admin.query<Index>(`
    select indexname as name, indexdef as definition from pg_indexes
     where tablename = 'historical_transactions'
       and indexname in ('historical_transactions_unusual', 'historical_transactions_by_method', 'historical_transactions_refunded',
                         'historical_transactions_by_position')`);
  if (rows.length !== 4) throw new Error('The indexes of migration 0020 are not all there.');
  // pg_indexes says ON ONLY for the index of a partitioned table; the partitions' are made with it.
  return rows.map(({ name, definition }) => ({ name, definition: definition.replace(' ON ONLY ', ' ON ') }));
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
