// Figures out of rounds: medians, and ratios of rounds that were neighbours in time.

import type { Cell } from './matrix.ts';
import type { Ratio, VariantName } from './plan.ts';
import { type ProcessGroup, processGroups, type Round } from './round.ts';

export interface Figure {
  median: number;
  least: number;
  most: number;
}

/** Round by round, so that a disturbance of the machine disturbs both sides. */
export function ratioOf(cell: Cell, { of, to }: Ratio): Figure {
  return figure(roundsOf(cell, of).map(({ rate }, number) => rate / (roundsOf(cell, to)[number]?.rate ?? Number.NaN)));
}

export interface VariantSummary {
  rate: Figure;
  p50: number;
  p95: number;
  p99: number;
  drainMs: number;
  cpu: Record<ProcessGroup, number>;
  foreignShare: number;
}

export function summaryOf(cell: Cell, name: VariantName): VariantSummary {
  const all = roundsOf(cell, name);
  const median = (value: (round: Round) => number) => figure(all.map(value)).median;
  return {
    rate: figure(all.map(({ rate }) => rate)),
    p50: median(({ p50 }) => p50),
    p95: median(({ p95 }) => p95),
    p99: median(({ p99 }) => p99),
    drainMs: figure(all.map(({ drainMs }) => drainMs)).most,
    cpu: Object.fromEntries(
      processGroups.map((group) => [group, median(({ cpu }) => cpu[group])]),
    ) as VariantSummary['cpu'],
    foreignShare: median(({ foreignShare }) => foreignShare),
  };
}

function roundsOf({ rounds }: Cell, name: VariantName): Round[] {
  return rounds.get(name) ?? [];
}

function figure(values: readonly number[]): Figure {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const median = sorted.length % 2 ? sorted[middle] : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
  return { median: median ?? Number.NaN, least: sorted[0] ?? Number.NaN, most: sorted.at(-1) ?? Number.NaN };
}
