// A copy of the files that the check needs, which mutations may break.

import { cp, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '..', '..');
const NEEDED = ['package.json', 'migrations', 'shared', 'test/setup', 'test/shared/ledger', 'test/mutations'];

export async function copyOfTree(): Promise<{ root: string; remove(): Promise<void> }> {
  const root = await mkdtemp(join(tmpdir(), 'one-gate-mutation-'));
  for (const path of NEEDED) await cp(join(ROOT, path), join(root, path), { recursive: true });
  await symlink(join(ROOT, 'node_modules'), join(root, 'node_modules'));
  return { root, remove: () => rm(root, { recursive: true, force: true }) };
}
