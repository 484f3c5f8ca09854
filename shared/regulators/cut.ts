// The cut of a list: it shows what had been committed when its first page was read, however long it takes to read the rest. It is a snapshot
// as PostgreSQL writes it, `oldest that ran:next to begin:those that ran between,…`, held against the transaction that wrote a leg.
//
// Of the primary: a standby does not know what runs. A report has a simpler one, a number before which all have ended: what is committed
// behind a slow transaction comes into the next report, but is in a list at once.

import { type Query, query } from '../platform/database/database.ts';

/** A cut travels in addresses and names so many that ran; were there more, it is that of the moment before the next of them began. */
const MOST_NAMED = 20;

/** Now. */
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

/** The cut of a report (`cut.position`), as that of a list. */
export function cutOfPosition(position: string): string {
  return `${position}:${position}:`;
}

const LAST_POSITION = 2n ** 63n - 1n;

/** Whether the database would take it. */
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

/** Whether anything that it shows has yet to begin. */
export function liesAhead(cut: string, current: string): boolean {
  return nextOf(cut) > nextOf(current);
}

function nextOf(cut: string): bigint {
  return BigInt(cut.split(':')[1] ?? '0');
}
