// Runs the check of one tree, mutated or not, with some seeds, on a new database that this tree's own migrations have made.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import process from 'node:process';
import { pathToFileURL } from 'node:url';
import { createTestDatabase } from '../setup/database.ts';
import type { Report } from './check.ts';

const MINUTES = 10;

/** One report per seed. Throws when the check itself fails to finish: that is neither red nor green. */
export async function runCheck(root: string, seeds: readonly number[]): Promise<Report[]> {
  const { migrate } = await import(pathToFileURL(join(root, 'migrations/run.ts')).href);
  const database = await createTestDatabase(migrate);
  try {
    const check = spawn(process.execPath, [join(root, 'test/mutations/check.ts'), ...seeds.map(String)], {
      cwd: root,
      env: { PATH: process.env['PATH'], CHECK_ADMIN_URL: database.adminUrl, CHECK_MONEY_URL: database.urls.money },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: MINUTES * 60_000,
    });
    let [output, errors] = ['', ''];
    check.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    check.stderr.setEncoding('utf8').on('data', (text: string) => {
      errors += text;
    });
    const [code, signal] = await once(check, 'close');
    if (code !== 0) throw new Error(`The check ended with ${signal ?? code}: ${errors.slice(-2000)}`);
    return output
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Report);
  } finally {
    await database.drop();
  }
}
