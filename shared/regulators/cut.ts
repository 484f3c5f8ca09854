// The cut of a list: the list shows the transactions that were committed when its first page was read, however long the
// reader takes. A cut is a PostgreSQL snapshot, `oldest running:next to begin:running between,…`, and is compared with
// the transaction that wrote a leg.
// It is read on the primary, since a standby does not know the running transactions. A report has a simpler cut: a
// number below which all transactions have ended. A commit behind a slow transaction is in the next report, but in a
// list at once.

import { type Query, query } from '../platform/database/database.ts';

/**
 * A cut travels in addresses (1 kB at the most), so it names at most this many running transactions. If there are more, it
 * becomes the snapshot of the moment before the next one began, and what was committed since is missing. PostgreSQL counts
 * the transactions of all its databases; two thirds of our connections would have to write at once.
 */
const MOST_NAMED = 100;

/** The cut of this moment. */
export async function currentCut(ask: Query = query): Promise<string> {
  const [row] = await ask<{ cut: string }>({ text: 'select pg_current_snapshot()::text as cut' });
  return shortened(row?.cut ?? '');
}

export function shortened(cut: string): string {
  const [oldest, , list = ''] = cut.split(':');
  const running = list.split(',');
  if (running.length <= MOST_NAMED) return cut;
  return `${oldest}:${running[MOST_NAMED]}:${running.slice(0, MOST_NAMED).join(',')}`;
}

/** The cut of a report (`cut.position`) in the form of a list's cut. */
export function cutOfPosition(position: string): string {
  return `${position}:${position}:`;
}

const LAST_POSITION = 2n ** 63n - 1n;

/** Whether the database accepts the text as a snapshot. */
export function isCut(text: string): boolean {
  if (!/^\d{1,19}:\d{1,19}:(?:\d{1,19}(?:,\d{1,19})*)?$/.test(text)) return false;
  const [oldest = 0n, next = 0n, ...running] = text.split(/[:,]/).filter(Boolean).map(BigInt);
  return (
    oldest > 0n &&
    oldest <= next &&
    next <= LAST_POSITION &&
    running.length <= MOST_NAMED &&
    running.every((one, place) => one >= (running[place - 1] ?? oldest) && one < next)
  );
}

/** Whether the cut includes transactions that have not begun yet. */
export function liesAhead(cut: string, current: string): boolean {
  return nextOf(cut) > nextOf(current);
}

function nextOf(cut: string): bigint {
  return BigInt(cut.split(':')[1] ?? '0');
}
