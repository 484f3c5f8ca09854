import { spawn } from 'node:child_process';
import { chmod, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

// Reads process ids until its owner has ended, in any way, waits until these processes have ended too, and
// removes the directory. At most a minute: the guard of a server that hangs kills it long before.
const cleaner = `
while read -r pid; do pids="$pids $pid"; done
left=600
for pid in $pids; do
  while [ "$left" -gt 0 ] && kill -0 "$pid" 2>/dev/null; do sleep 0.1; left=$((left - 1)); done
done
rm -rf "$1"
`;

export type TemporaryDirectory = {
  readonly path: string;
  /** Processes that write into the directory: it is removed only after they have ended. */
  usedBy(pids: readonly (number | undefined)[]): void;
  /** Removes it and waits for that. Also happens when this process ends without a call. */
  remove(): Promise<void>;
};

/** A directory below the system's temporary one that does not outlive this process, even when that is killed. */
export async function temporaryDirectory(): Promise<TemporaryDirectory> {
  const path = await mkdtemp(join(tmpdir(), 'one-gate-test-'));
  // A server that runs as another user can reach its own directory below, but cannot list this one.
  await chmod(path, 0o711);
  const child = spawn('/bin/sh', ['-c', cleaner, 'cleaner', path], {
    cwd: '/',
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  child.unref();
  (child.stdin as unknown as { unref(): void }).unref();
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  return {
    path,
    usedBy: (pids) => {
      for (const pid of pids) if (pid !== undefined) child.stdin.write(`${pid}\n`);
    },
    remove: async () => {
      child.ref();
      child.stdin.end();
      await ended;
    },
  };
}
