// The commit that a measured run was made at.

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** Short, and whether the product was changed since. */
export async function commit(): Promise<string> {
  const git = (...args: string[]) =>
    promisify(execFile)('git', args, { cwd: import.meta.dirname }).then(({ stdout }) => stdout.trim());
  try {
    const changed = await git(
      'status',
      '--porcelain',
      '--untracked-files=no',
      '--',
      ':/functions',
      ':/shared',
      ':/migrations',
    );
    return `${await git('rev-parse', '--short=10', 'HEAD')}${changed ? ' with changes' : ''}`;
  } catch {
    return 'unknown (no git here)';
  }
}
