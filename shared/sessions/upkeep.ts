// What the schedule does for sessions.

import { query } from '../platform/database/database.ts';
import { log } from '../platform/telemetry/log.ts';
import { announceAll } from './ended-sessions.ts';

/** More than one login a millisecond would have to expire in a minute before a run left something for the next. */
const MOST_REMOVED = 20_000;

export interface SessionUpkeep {
  /** Rows of sessions and refresh tokens that had expired. */
  removed: number;
  /** Sessions that have ended lately, told once more; undefined when Redis is away. */
  announced: number | undefined;
}

/** Removes what has expired, and announces again what has ended lately, for the instances that an earlier failure left untold. */
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
