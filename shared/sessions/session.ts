// Sessions in PostgreSQL. A login opens one, exchanging the refresh token continues it, and a logout or a token's
// second use ends it.

import { type Query, query, transaction } from '../platform/database/database.ts';
import type { Caller } from './access-token.ts';
import { announceEnded } from './ended-sessions.ts';
import { hashRefreshToken, newRefreshToken } from './refresh-token.ts';
import { sessions } from './session-watch.ts';

/** A refresh token that is unused for this long is refused. */
const REFRESH_TOKEN_DAYS = 7;
/** After this long the password is needed again, however often the token was exchanged (NIST SP 800-63B, AAL1). */
const SESSION_DAYS = 30;

export interface OpenedSession {
  caller: Caller;
  refreshToken: string;
  /** Seconds. */
  refreshExpiresIn: number;
}

export async function openSession(person: Omit<Caller, 'sessionId'>): Promise<OpenedSession> {
  const { token, hash } = newRefreshToken();
  const [row] = await query<{ session_id: string; expires_in: number }>({
    name: 'open_session',
    text: `with session as (
             insert into sessions (user_id, expires_at) values ($1, now() + make_interval(days => ${REFRESH_TOKEN_DAYS}))
             returning id, user_id, expires_at)
           insert into authentications (token, user_id, session_id, expires_at)
           select $2, user_id, id, expires_at from session
           returning session_id, extract(epoch from expires_at - now())::int as expires_in`,
    values: [person.userId, hash],
  });
  if (!row) throw new Error('the session was not opened');
  return {
    caller: { ...person, sessionId: row.session_id },
    refreshToken: token,
    refreshExpiresIn: row.expires_in,
  };
}

/**
 * Why a refresh token is refused. `unknown`: it does not exist or has expired. `ended`: its session is over. `reused`:
 * it was used before, which has now ended its session. `overtaken`: another request used it while this one was in
 * flight; one client asked twice, and nothing ends.
 */
export type Refusal = 'unknown' | 'ended' | 'reused' | 'overtaken';

/** Exchanges a refresh token for the next one. Of several requests with the same token exactly one gets it. */
export async function carryOn(refreshToken: string): Promise<OpenedSession | Refusal> {
  const arrived = performance.now();
  const presented = hashRefreshToken(refreshToken);
  let sessionId = '';
  const outcome = await transaction(async (query): Promise<OpenedSession | Refusal> => {
    const session = await lockSession(query, presented);
    if (!session) return 'unknown';
    sessionId = session.id;
    const token = await readToken(query, presented, performance.now() - arrived);
    if (session.ended) return 'ended';
    if (!token || token.expired) return 'unknown';
    if (token.used) {
      if (token.used_since_arrival || !session.used_before_lock) return 'overtaken';
      await markEnded(query, sessionId, 'REUSE');
      return 'reused';
    }
    const { userId, accountId, username, type } = token;
    return rotate(query, presented, { userId, accountId, username, type, sessionId });
  });
  if (outcome === 'reused') await tellEnd(sessionId);
  return outcome;
}

/** Ends a session for good. Its access tokens are refused everywhere within seconds. */
export async function endSession(sessionId: string): Promise<void> {
  await markEnded(query, sessionId, 'LOGOUT');
  await tellEnd(sessionId);
}

async function tellEnd(sessionId: string): Promise<void> {
  sessions.noteEnd(sessionId);
  await announceEnded([sessionId]);
}

// Lock first, read after: the token's state counts only when no other request can exchange it. Its earlier state, in
// the snapshot of this statement, tells whether it was exchanged during the wait for the lock.
async function lockSession(query: Query, hash: string) {
  const [row] = await query<{ id: string; ended: boolean; used_before_lock: boolean }>({
    name: 'lock_session_of_token',
    text: `select session.id, session.ended_at is not null as ended, token.rotated_at is not null as used_before_lock
             from sessions session join authentications token on token.session_id = session.id
            where token.token = $1 for no key update of session`,
    values: [hash],
  });
  return row;
}

interface TokenRow {
  userId: string;
  accountId: string;
  username: string;
  type: Caller['type'];
  expired: boolean;
  used: boolean;
  used_since_arrival: boolean;
}

// The time of arrival counts, so the time that this request has waited (for a connection, for the lock) is subtracted.
async function readToken(query: Query, hash: string, waitedMs: number): Promise<TokenRow | undefined> {
  const [row] = await query<TokenRow>({
    name: 'read_token',
    text: `select person.id as "userId", account.id as "accountId", person.username, person.type,
                  token.expires_at <= now() as expired, token.rotated_at is not null as used,
                  coalesce(token.rotated_at > clock_timestamp() - make_interval(secs => $2), false) as used_since_arrival
             from authentications token
             join users person on person.id = token.user_id
             join accounts account on account.user_id = person.id
            where token.token = $1`,
    values: [hash, waitedMs / 1000],
  });
  return row;
}

async function rotate(query: Query, usedHash: string, caller: Caller): Promise<OpenedSession> {
  const { token, hash } = newRefreshToken();
  const [row] = await query<{ expires_in: number }>({
    name: 'rotate_token',
    text: `with used as (
             update authentications set rotated_at = clock_timestamp() where token = $1 returning session_id),
           session as (
             update sessions session
                set expires_at = least(now() + make_interval(days => ${REFRESH_TOKEN_DAYS}),
                                       session.created_at + make_interval(days => ${SESSION_DAYS}))
               from used where session.id = used.session_id
             returning session.id, session.user_id, session.expires_at)
           insert into authentications (token, user_id, session_id, expires_at)
           select $2, user_id, id, expires_at from session
           returning extract(epoch from expires_at - now())::int as expires_in`,
    values: [usedHash, hash],
  });
  if (!row) throw new Error('the refresh token was not exchanged');
  return { caller, refreshToken: token, refreshExpiresIn: row.expires_in };
}

async function markEnded(query: Query, sessionId: string, reason: 'LOGOUT' | 'REUSE'): Promise<void> {
  await query({
    name: 'end_session',
    text: `update sessions set ended_at = now(), ended_by = $2 where id = $1 and ended_at is null`,
    values: [sessionId, reason],
  });
}
