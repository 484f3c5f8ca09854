// make mutations: applies each mutation to a copy of the tree and checks it with five seeds. All must be red, and the
// present code must be green. Rewrites README.md; exits with 1 when a result is not as expected.

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import start from '../setup/start.ts';
import stop from '../setup/stop.ts';
import type { Report } from './check.ts';
import { apply, mutations } from './mutations.ts';
import { runCheck } from './run-check.ts';
import { tableOf } from './table.ts';
import { copyOfTree } from './tree.ts';

const SEEDS = process.env['MUTATION_SEEDS']?.split(',').map(Number) ?? [1, 2, 3, 4, 5];

// The check needs no events and no sessions.
process.env['TEST_WITHOUT_KAFKA'] = '1';
await start();
try {
  const rows = [{ name: 'the code as it is', breaks: '', reports: await check() }];
  for (const mutation of mutations) {
    rows.push({ ...mutation, reports: await check(mutation) });
  }
  await writeFile(join(import.meta.dirname, 'README.md'), tableOf(rows));
  const isAsExpected = rows.every(({ breaks, reports }) => reports.every((each) => isRed(each) === (breaks !== '')));
  process.stdout.write(
    isAsExpected ? 'Every mutation is caught with every seed.\n' : 'Not everything is as expected.\n',
  );
  process.exitCode = isAsExpected ? 0 : 1;
} finally {
  await stop();
}

async function check(mutation?: (typeof mutations)[number]): Promise<Report[]> {
  const tree = await copyOfTree();
  try {
    if (mutation) await apply(mutation, tree.root);
    const reports = await runCheck(tree.root, SEEDS);
    for (const report of reports) {
      const verdict = isRed(report) ? `red: ${Object.keys(report.broken).join('; ')}` : 'green';
      process.stdout.write(`${mutation?.name ?? 'the code as it is'}, seed ${report.seed}: ${verdict}\n`);
      if (isRed(report) && !mutation) process.stdout.write(`${JSON.stringify(report.broken, null, 2)}\n`);
    }
    return reports;
  } finally {
    await tree.remove();
  }
}

function isRed({ broken }: Report): boolean {
  return Object.keys(broken).length > 0;
}
