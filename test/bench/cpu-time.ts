// CPU time of processes, as the kernel counts it (proc_pid_stat(5)): user and system, all threads. Linux only.

import { readdir, readFile } from 'node:fs/promises';

/** Microseconds per process group. */
export type CpuTime = Record<string, number>;

/** USER_HZ, which is 100 on every Linux that Node runs on. */
const TICK_MICROSECONDS = 10_000;

/** Of one process. A process that has ended has used nothing. */
export async function cpuTimeOf(pid: number): Promise<number> {
  return (await read(pid))?.own ?? 0;
}

/**
 * Of a PostgreSQL server: its backends, and everything else (writers, checkpointer, autovacuum). Processes that have ended are in
 * "everything else", through what their parent has inherited of them.
 */
export async function cpuTimeOfPostgres(postmaster: number): Promise<{ backends: number; background: number }> {
  const parent = await read(postmaster);
  const result = { backends: 0, background: (parent?.own ?? 0) + (parent?.ended ?? 0) };
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const child = await read(Number(name));
    if (child?.parent !== postmaster) continue;
    const title = await readFile(`/proc/${name}/cmdline`, 'latin1').catch(() => '');
    result[/^postgres: one_gate_/.test(title) ? 'backends' : 'background'] += child.own;
  }
  return result;
}

/** Of the whole machine: all CPUs, all processes, and the time that the hypervisor gave to others. */
export async function cpuTimeOfMachine(): Promise<{ busy: number; stolen: number }> {
  const line = (await readFile('/proc/stat', 'latin1')).split('\n', 1)[0] ?? '';
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = line.split(/ +/).slice(1).map(Number);
  return { busy: (user + nice + system + irq + softirq) * TICK_MICROSECONDS, stolen: steal * TICK_MICROSECONDS };
}

async function read(pid: number): Promise<{ parent: number; own: number; ended: number } | undefined> {
  const line = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => undefined);
  if (line === undefined) return undefined;
  // The command in parentheses may hold anything; the fields behind it are fixed.
  const fields = line
    .slice(line.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number);
  const ticks = (first: number) => ((fields[first] ?? 0) + (fields[first + 1] ?? 0)) * TICK_MICROSECONDS;
  return { parent: fields[1] ?? 0, own: ticks(11), ended: ticks(13) };
}
