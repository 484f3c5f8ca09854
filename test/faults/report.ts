// The results of a run, as Markdown, in its place in README.md.

import os from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { table, wrapped, writeBetween } from '../../knative/local/table.ts';
import { commit } from '../setup/commit.ts';
import { type End, KINDS } from './books.ts';
import { FAULT_NAMES, type FaultName } from './faults.ts';
import type { RoundResult } from './round.ts';

const README = join(import.meta.dirname, 'README.md');
const ENDS = ['succeeded', 'pending', 'refused', 'given_up', 'unknown'] as const satisfies readonly (End | 'unknown')[];

/**
 * Rewrites the generated part, and leaves the rest of README.md as it is. `planned`: rounds, of which these are done.
 */
export async function writeReport(results: readonly RoundResult[], planned: number): Promise<void> {
  await writeBetween(README, 'run', [...(await circumstances(results, planned)), ...reportOf(results)].join('\n'));
}

async function circumstances(results: readonly RoundResult[], planned: number): Promise<string[]> {
  const [cpu] = os.cpus();
  const operations = sum(results.map((result) => result.operations));
  const minutes = sum(results.map(({ seconds }) => seconds)) / 60;
  const findings = sum(results.map((result) => result.findings));
  const items = [
    `- Commit ${await commit()}, ${new Date().toISOString().slice(0, 16).replace('T', ' ')} UTC`,
    `- ${os.availableParallelism()} × ${cpu?.model.trim()}, ${Math.round(os.totalmem() / 2 ** 30)} GiB, everything on this machine; load average ${os.loadavg()[0]?.toFixed(0)} at the end`,
    `- Node ${process.versions.node}; ${[...new Set(results.flatMap(({ parts }) => parts))].join('; ')}`,
    `- Seeds ${results.map(({ seed }) => seed).join(', ')}${results.length < planned ? ` (the run was ended after ${results.length} of ${planned} rounds)` : ''}`,
    `- **${operations} operations** in ${minutes.toFixed(0)} minutes, ${sum(results.map(({ requests }) => requests))} requests; ` +
      `${sum(results.map(({ unknown }) => unknown))} operations were unknown to their client for a while, and all of them were resolved by asking`,
    `- ${sum(results.map(({ events }) => events))} events were read back from the topics`,
    `- **Findings: ${findings === 0 ? 'none' : findings}**`,
  ];
  return [...items.map(wrapped), ''];
}

function reportOf(results: readonly RoundResult[]): string[] {
  return [
    '### Operations, by the answers that their clients got',
    '',
    wrapped(
      'Refused includes requests that had to be refused. Given up: "failed, safe to retry" was the answer to the only request, and the client ' +
        'left it at that. A top-up is pending until its payer has paid.',
    ),
    '',
    ...table(
      ['', ...ENDS.map((end) => end.replace('_', ' ')), 'all'],
      KINDS.map((kind) => {
        const counts = ENDS.map((end) => sum(results.map(({ ends }) => ends[`${kind} ${end}`] ?? 0)));
        return [kind, ...counts.map(String), String(sum(counts))];
      }),
    ),
    '',
    '### Faults',
    '',
    ...table(
      ['', 'struck', 'in rounds', 'lasted, seconds: median', 'longest'],
      FAULT_NAMES.map((name) => faultRow(name, results)),
    ),
    '',
    '### Time from the first request to the known end',
    '',
    'As a client sees it, retries and rests between them included.',
    '',
    ...table(
      ['', 'operations', 'p50 ms', 'p99 ms', 'longest ms'],
      [
        ['no fault lasted', ...times(results.flatMap(({ calmMs }) => calmMs))],
        ['a fault lasted, or came', ...times(results.flatMap(({ faultyMs }) => faultyMs))],
      ],
    ),
    ...results.flatMap(({ seed, told }) =>
      told.length > 0 ? ['', `### Findings of seed ${seed}`, '', '```', ...told, '```'] : [],
    ),
  ];
}

function faultRow(name: FaultName, results: readonly RoundResult[]): string[] {
  const struck = results.map((result) => result.struck.filter((each) => each.name === name && each.times > 0));
  const lasted = struck.flat().map(({ from, until }) => Number(until) - Number(from));
  const rounds = struck.filter(({ length }) => length > 0).length;
  return [
    name,
    String(lasted.length),
    String(rounds),
    quantile(lasted, 0.5).toFixed(2),
    quantile(lasted, 1).toFixed(2),
  ];
}

function times(all: readonly number[]): string[] {
  return [String(all.length), ...[0.5, 0.99, 1].map((share) => quantile(all, share).toFixed(0))];
}

function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
