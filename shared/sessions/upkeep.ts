// Upkeep of sessions, for the schedule.

import { query } from '../platform/database/database.ts';
import { log } from '../platform/telemetry/log.ts';
import { announceAll } from './ended-sessions.ts';

/** Enough for one expired login per millisecond between two runs, so that a run leaves nothing for the next. */
const MOST_REMOVED = 20_000;

export interface SessionUpkeep {
  /** Removed rows of expired sessions and refresh tokens. */
  removed: number;
  /** Recently ended sessions that were announced again. Undefined if Redis is away. */
  announced: number | undefined;
}

/**
 * Removes expired sessions, and announces recently ended ones again, for instances that missed the news through a
 * failure.
 */
export async function keepSessions(): Promise<SessionUpkeep> {
  const [row] = await query<{ removed: number }>({
    text: 'select remove_expired_authentications($1) as removed',
    values: [MOST_REMOVED],
  });
  let announced: number | undefined;
  try {
    announced = (await announceAll()).length;
  } catch (error) {
    log.warn({ error }, 'ended sessions could not be announced: the next run does it');
  }
  return { removed: row?.removed ?? 0, announced };
}
