// Upkeep of the ledger's tables, for the schedule.

import { query } from '../../platform/database/database.ts';

const MONTHS_AHEAD = 12;
/** How long `remove_old_keys` (0028) keeps keys. */
export const KEYS_KEPT_DAYS = 30;
const KEYS_AT_ONCE = 2_000;
const MOST_KEYS = 100_000;

export interface LedgerUpkeep {
  partitionsMade: number;
  keysRemoved: number;
}

/** Makes the partitions of the coming year, and removes keys older than thirty days, in bounded pieces, for `limitMs`. */
export async function keepLedger(limitMs: number): Promise<LedgerUpkeep> {
  const end = performance.now() + limitMs;
  const [row] = await query<{ made: number }>({
    text: 'select ensure_leg_partitions($1) as made',
    values: [MONTHS_AHEAD],
  });
  let keysRemoved = 0;
  while (keysRemoved < MOST_KEYS && performance.now() < end) {
    const removed = await removeOldKeys();
    keysRemoved += removed;
    if (removed < KEYS_AT_ONCE) break;
  }
  return { partitionsMade: row?.made ?? 0, keysRemoved };
}

async function removeOldKeys(): Promise<number> {
  const [row] = await query<{ removed: number }>({
    text: 'select remove_old_keys($1) as removed',
    values: [KEYS_AT_ONCE],
  });
  return row?.removed ?? 0;
}
