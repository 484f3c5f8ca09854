// Sessions that have ended while their access tokens are still valid. PostgreSQL holds the truth; a list in Redis
// carries the news to every instance. If the list is lost (Redis started empty), the first instance that notices writes
// it again.

import { askRedis } from '../platform/cache/redis.ts';
import { query } from '../platform/database/database.ts';
import { log } from '../platform/telemetry/log.ts';

/** Longer than an access token lives, so no later request can need the entry. */
const KEPT_MS = 16 * 60 * 1000;

// A sorted set of session ids by the time of their announcement, on Redis' clock. One more member with an infinite
// score marks the list as complete; it is lost exactly when the list is.
const KEY = 'one-gate:sessions:ended';
const COMPLETE = 'complete';
const OVERLAP_MS = 10_000;

// A repeated announcement changes nothing. A missing session is added with the present time, so that every instance
// reads it. The time never runs backwards, even if the clock does after a failover.
const ANNOUNCE = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local last = redis.call('ZREVRANGEBYSCORE', KEYS[1], '(+inf', '-inf', 'WITHSCORES', 'LIMIT', 0, 1)
if last[2] and tonumber(last[2]) > now then now = tonumber(last[2]) end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - tonumber(ARGV[1]))
for index = 3, #ARGV do redis.call('ZADD', KEYS[1], 'NX', now, ARGV[index]) end
if ARGV[2] == 'all' then redis.call('ZADD', KEYS[1], '+inf', '${COMPLETE}') end
return 1`;

export interface News {
  ended: string[];
  /** The position to continue from. */
  position: number;
}

/**
 * Returns the announcements since `position` (0 for all); some may come a second time. Throws if Redis cannot answer.
 */
export async function readNews(position: number): Promise<News> {
  const answer = await askRedis((redis) =>
    redis.zrange<string[]>(KEY, position, '+inf', { byScore: true, withScores: true }),
  );
  const scores = new Map<string, number>();
  for (let index = 0; index < answer.length; index += 2) scores.set(String(answer[index]), Number(answer[index + 1]));
  if (!scores.delete(COMPLETE)) {
    const ended = await announceAll();
    return { ended, position: 0 };
  }
  const latest = Math.max(position + OVERLAP_MS, ...scores.values());
  return { ended: [...scores.keys()], position: latest - OVERLAP_MS };
}

/**
 * Tells every instance that these sessions have ended. PostgreSQL has the truth already, so a failure only delays the
 * news.
 */
export async function announceEnded(sessionIds: readonly string[]): Promise<void> {
  try {
    await announce(sessionIds, 'some');
  } catch (error) {
    log.warn({ error }, 'ended sessions could not be announced: the next upkeep does it');
  }
}

/** Announces every session that has ended lately, and returns them. */
export async function announceAll(): Promise<string[]> {
  const rows = await query<{ id: string }>({
    name: 'sessions_ended_lately',
    text: `select id from sessions where ended_at > now() - make_interval(secs => $1)`,
    values: [KEPT_MS / 1000],
  });
  const ended = rows.map(({ id }) => id);
  await announce(ended, 'all');
  return ended;
}

/** Returns the sessions that have ended according to PostgreSQL. An unknown session has ended. */
export async function findEnded(sessionIds: readonly string[]): Promise<Set<string>> {
  const lasting = await query<{ id: string }>({
    name: 'sessions_lasting',
    text: `select id from sessions where id = any($1::uuid[]) and ended_at is null`,
    values: [sessionIds],
  });
  const ended = new Set(sessionIds);
  for (const { id } of lasting) ended.delete(id);
  return ended;
}

async function announce(sessionIds: readonly string[], which: 'some' | 'all'): Promise<void> {
  // Lua takes some thousands of arguments at most.
  for (let start = 0; start === 0 || start < sessionIds.length; start += 1_000) {
    const piece = sessionIds.slice(start, start + 1_000);
    const last = start + 1_000 >= sessionIds.length;
    await askRedis((redis) => redis.eval(ANNOUNCE, [KEY], [KEPT_MS, last ? which : 'some', ...piece]));
  }
}
