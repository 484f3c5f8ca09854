// The results as Markdown, and their place in README.md.

import { table, wrapped } from '../../knative/local/table.ts';
import type { Cell, Results } from './matrix.ts';
import { FUNCTIONS_AT, functionNames, type Plan, ratios, ratioToPay } from './plan.ts';
import { processGroups } from './round.ts';
import { type Figure, ratioOf, summaryOf } from './summary.ts';

const TOLERATED_SHARE = 0.1;

export function reportOf(results: Results, plan: Plan, circumstances: readonly string[]): string {
  const { cells, functions, objections } = results;
  return [
    ...circumstances,
    `- ${plan.rounds} rounds of ${plan.measuredMs / 1000} s per figure; ${plan.accounts} accounts; seed ${plan.seed}`,
    objections.length > 0
      ? `- **Not valid:**\n${objections.map((objection) => `  - ${objection}`).join('\n')}`
      : wrapped(
          '- Every answer was a 2xx, every event was published, and the books balanced: after each number of instances, and after the functions.',
        ),
    ...disturbance([...cells, ...functions]),
    '',
    '### Ratios',
    '',
    'Median of the rounds, in parentheses the least and the most.',
    '',
    ...table(['instances', 'connections', ...ratios.map(({ title }) => title)], cells.map(ratioRow)),
    '',
    '### Rates and times',
    '',
    wrapped(
      '`drained` is the longest time from the last answer of a round until its last event was published; it is in no other figure.',
    ),
    '',
    ...table(
      ['instances', 'connections', '', 'requests/s', 'p50 ms', 'p95 ms', 'p99 ms', 'drained ms'],
      cells.flatMap(rateRows),
    ),
    '',
    '### CPU microseconds per request, by process',
    '',
    '`other` is the share of the machine that went to other processes.',
    '',
    ...table(['instances', 'connections', '', ...processGroups, 'sum', 'other'], cells.flatMap(cpuRows)),
    '',
    '### Every function that moves money',
    '',
    wrapped(
      `${FUNCTIONS_AT.instances} instance of each, ${FUNCTIONS_AT.connections} connections. \`÷ pay\`: of its rate, to that of pay ` +
        'with the same distribution in the same round. PostgreSQL: its backends.',
    ),
    '',
    ...table(
      ['', 'requests/s', '÷ pay', 'p50 ms', 'p99 ms', 'µs per request: function', 'PostgreSQL'],
      functions.flatMap(functionRows),
    ),
  ].join('\n');
}

/** Reports other load on the machine during the benchmark. */
function disturbance(cells: readonly Cell[]): string[] {
  const worst = Math.max(
    ...cells.flatMap((cell) => [...cell.rounds.keys()].map((name) => summaryOf(cell, name).foreignShare)),
  );
  if (worst < TOLERATED_SHARE) return [];
  return [
    `- **Not alone:** other processes took up to ${(worst * 100).toFixed(0)} % of the machine. Rates and times are worth little.`,
  ];
}

function ratioRow(cell: Cell): string[] {
  return [...addressOf(cell), ...ratios.map((ratio) => ratioText(ratioOf(cell, ratio)))];
}

function rateRows(cell: Cell): string[][] {
  return [...cell.rounds.keys()].map((name) => {
    const { rate, p50, p95, p99, drainMs } = summaryOf(cell, name);
    const times = [p50, p95, p99].map((time) => time.toFixed(1));
    const drained = name === 'empty' ? '' : drainMs.toFixed(0);
    return [...addressOf(cell), name, rateText(rate), ...times, drained];
  });
}

function cpuRows(cell: Cell): string[][] {
  return [...cell.rounds.keys()].map((name) => {
    const { cpu, foreignShare } = summaryOf(cell, name);
    const each = processGroups.map((group) => cpu[group]);
    const sum = each.reduce((total, time) => total + time, 0);
    return [...addressOf(cell), name, ...[...each, sum].map(whole), `${(foreignShare * 100).toFixed(0)} %`];
  });
}

function functionRows(cell: Cell): string[][] {
  return functionNames.map((name) => {
    const { rate, p50, p99, cpu } = summaryOf(cell, name);
    const ratio = ratioToPay(name);
    return [
      name,
      rateText(rate),
      ratio.to === name ? '' : ratioText(ratioOf(cell, ratio)),
      p50.toFixed(1),
      p99.toFixed(1),
      whole(cpu.function),
      whole(cpu['PostgreSQL, backends']),
    ];
  });
}

function addressOf({ instances, connections }: Cell): string[] {
  return [String(instances), String(connections)];
}

function rateText({ median, least, most }: Figure): string {
  return `${whole(median)} (${whole(least)}–${whole(most)})`;
}

function ratioText({ median, least, most }: Figure): string {
  return `**${median.toFixed(2)}** (${least.toFixed(2)}–${most.toFixed(2)})`;
}

function whole(value: number): string {
  return value.toFixed(0);
}
