// The page that `make mutations` writes.

import { execFileSync } from 'node:child_process';
import type { Report } from './check.ts';

export interface Row {
  name: string;
  breaks: string;
  reports: readonly Report[];
}

export function tableOf(rows: readonly Row[]): string {
  const seeds = rows[0]?.reports.map(({ seed }) => seed) ?? [];
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
  const table = rows.map(
    ({ name, breaks, reports }) => `| ${[name, breaks, ...reports.map(verdictOf), promisesOf(reports)].join(' | ')} |`,
  );
  return `# Mutations that must be caught

Written by \`make mutations\`; do not edit. Commit ${commit}.

A test that only ever passes proves little. Each row is the ledger with one fault, made by a small change of its text
([mutations.ts](mutations.ts)) in a copy of the tree. [check.ts](check.ts) then lets four processes post random
operations, drawn from the seed, through it to one database, finds the order in which they were decided, and compares
each with a plain [model](../shared/ledger/model.ts). Red means that the check saw a broken promise, or a failure of an
operation that had to succeed, for instance because a constraint of the database stopped the fault. A red run ends
early, a green one runs to its end.

| fault | what it breaks | ${seeds.map((seed) => `seed ${seed}`).join(' | ')} | seen as |
|---|---|${seeds.map(() => '---|').join('')}---|
${table.join('\n')}
`;
}

function verdictOf({ broken }: Report): string {
  return Object.keys(broken).length > 0 ? 'red' : 'green';
}

/** How often each promise was seen broken, over all seeds. */
function promisesOf(reports: readonly Report[]): string {
  const count = new Map<string, number>();
  for (const { broken } of reports) for (const each of Object.keys(broken)) count.set(each, (count.get(each) ?? 0) + 1);
  return [...count]
    .sort(([, one], [, other]) => other - one)
    .map(([promise, times]) => `${promise} (${times})`)
    .join('; ');
}
