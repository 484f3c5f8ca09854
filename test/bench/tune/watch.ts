// Watches a process and its pool under load, from outside, so that watching costs the function nothing: its memory from
// /proc, its connections from pg_stat_activity. A request that waits for a connection is invisible there; the moments
// when all connections are at work, so that the next request would wait, are visible.

import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type pg from 'pg';

const EVERY_MS = 20;

export interface Seen {
  rssMiB: number;
  /** The most connections at work at once. */
  busy: number;
  /** Share of the looks at which all of them were. */
  poolFull: number;
}

/** Looks until `work` is done. Without a `pool` only at memory. */
export async function watchDuring<Result>(
  work: Promise<Result>,
  pid: number,
  pool: { size: number; role: string; client: pg.Client } | undefined,
): Promise<[Result, Seen]> {
  const seen: Seen = { rssMiB: 0, busy: 0, poolFull: 0 };
  let [looks, full] = [0, 0];
  const over = work.then(
    () => true,
    () => true,
  );
  while (!(await Promise.race([over, delay(EVERY_MS, false)]))) {
    looks++;
    seen.rssMiB = Math.max(seen.rssMiB, await memoryOf(pid));
    if (!pool) continue;
    const busy = await busyConnections(pool.client, pool.role);
    seen.busy = Math.max(seen.busy, busy);
    if (busy >= pool.size) full++;
  }
  seen.poolFull = looks === 0 ? 0 : full / looks;
  return [await work, seen];
}

async function busyConnections(client: pg.Client, role: string): Promise<number> {
  const { rows } = await client.query<{ busy: number }>({
    name: 'busy',
    text: `select count(*)::int as busy from pg_stat_activity
            where datname = current_database() and usename = $1 and state <> 'idle'`,
    values: [role],
  });
  return rows[0]?.busy ?? 0;
}

async function memoryOf(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'latin1').catch(() => '');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) / 1024;
}
