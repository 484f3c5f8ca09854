// The state of sessions, as this instance knows it. A serving instance reads the news every 2 s and answers by itself
// while they are no older than 5 s. Otherwise (Redis is away, or the instance has just started or was idle) it asks
// PostgreSQL about the session.

import { beforeShutdown } from '../platform/shutdown.ts';
import { log } from '../platform/telemetry/log.ts';
import { findEnded, type News, readNews } from './ended-sessions.ts';

const READ_EVERY_MS = 2_000;
/**
 * The first answer of a cold function does not wait for the news: PostgreSQL knows, and Redis' client is not loaded
 * yet.
 */
const FIRST_READ_MS = 500;
const NEWS_LAST_MS = 5_000;
/** An idle instance does not read Redis. */
const IDLE_AFTER_MS = 10_000;
/** Longer than an access token lives. */
const REMEMBERED_MS = 16 * 60 * 1000;

export type SessionState = 'lasting' | 'ended' | 'unknown';

export interface SessionWatch {
  /** Answers at once from the instance's knowledge; 'unknown' if that is too old. */
  stateOf(sessionId: string): SessionState;
  /** Asks PostgreSQL if it must; 'unknown' only if that fails. */
  confirm(sessionId: string): Promise<SessionState>;
  /** Notes the end of a session that this instance has ended itself. */
  noteEnd(sessionId: string): void;
}

export interface Sources {
  readNews(position: number): Promise<News>;
  findEnded(sessionIds: readonly string[]): Promise<Set<string>>;
  /** Milliseconds on a clock that cannot be set. */
  now(): number;
}

export function watchSessions(sources: Sources): SessionWatch {
  const { now } = sources;
  /** Ended sessions by the time when this instance learned of them, in that order. */
  const ended = new Map<string, number>();
  /** Sessions that PostgreSQL has confirmed as open, by the time of the question. */
  const vouched = new Map<string, number>();
  let position = 0;
  let newsOf = Number.NEGATIVE_INFINITY;
  let usedAt = 0;
  let reading: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;
  let stopsAtShutdown = false;
  let away = false;

  function stateOf(sessionId: string): SessionState {
    const time = now();
    usedAt = time;
    if (ended.size > 0 && ended.has(sessionId)) return 'ended';
    if (time - newsOf < NEWS_LAST_MS) return 'lasting';
    const vouchedAt = vouched.get(sessionId);
    return vouchedAt !== undefined && time - vouchedAt < NEWS_LAST_MS ? 'lasting' : 'unknown';
  }

  async function confirm(sessionId: string): Promise<SessionState> {
    const known = stateOf(sessionId);
    if (neverRead()) readIn(FIRST_READ_MS);
    else keepReading();
    if (known !== 'unknown') return known;
    const asked = now();
    try {
      if (await ask(sessionId)) noteEnd(sessionId);
      else vouch(sessionId, asked);
      return ended.has(sessionId) ? 'ended' : 'lasting';
    } catch (error) {
      log.error({ error }, 'the database cannot say whether a session has ended');
      // Redis may still answer: waits for the reading in flight, and starts the first one at once.
      if (neverRead()) {
        clearTimeout(timer);
        timer = undefined;
        keepReading();
      }
      await reading;
      return stateOf(sessionId);
    }
  }

  /** True before the first attempt, too. */
  function neverRead(): boolean {
    return newsOf === Number.NEGATIVE_INFINITY && !away;
  }

  function vouch(sessionId: string, asked: number): void {
    vouched.delete(sessionId);
    vouched.set(sessionId, asked);
  }

  function noteEnd(sessionId: string): void {
    if (!ended.has(sessionId)) ended.set(sessionId, now());
  }

  function keepReading(): void {
    if (timer || reading) return;
    stopAtShutdown();
    reading = readOnce().finally(() => {
      reading = undefined;
      if (now() - usedAt <= IDLE_AFTER_MS) readIn(READ_EVERY_MS);
    });
  }

  function readIn(ms: number): void {
    if (timer || reading) return;
    stopAtShutdown();
    timer = setTimeout(() => {
      timer = undefined;
      keepReading();
    }, ms);
    timer.unref();
  }

  function stopAtShutdown(): void {
    if (!stopsAtShutdown) beforeShutdown('connections', stop);
    stopsAtShutdown = true;
  }

  async function stop(): Promise<void> {
    usedAt = Number.NEGATIVE_INFINITY;
    stopsAtShutdown = false;
    clearTimeout(timer);
    timer = undefined;
    await reading;
  }

  async function readOnce(): Promise<void> {
    const asked = now();
    try {
      const news = await sources.readNews(position);
      for (const sessionId of news.ended) noteEnd(sessionId);
      position = news.position;
      newsOf = asked;
      vouched.clear();
      if (away) log.info('reading news of sessions again');
      away = false;
    } catch (error) {
      if (!away) log.warn({ error }, 'no news of sessions: asking the database instead');
      away = true;
    }
    forget(ended, asked - REMEMBERED_MS);
    forget(vouched, asked - NEWS_LAST_MS);
  }

  const ask = inBatches(sources.findEnded);

  return { stateOf, confirm, noteEnd };
}

/** Removes older entries. They lie in the order of time. */
function forget(times: Map<string, number>, before: number): void {
  for (const [sessionId, time] of times) {
    if (time >= before) break;
    times.delete(sessionId);
  }
}

type FindEnded = Sources['findEnded'];

/** Questions that arrive while one is in flight share the next one, so that an outage of Redis costs one connection. */
function inBatches(find: FindEnded): (sessionId: string) => Promise<boolean> {
  let running: Promise<unknown> = Promise.resolve();
  let next: { sessionIds: Set<string>; answer: Promise<Set<string>> } | undefined;

  function openBatch() {
    const sessionIds = new Set<string>();
    const start = () => {
      next = undefined;
      return find([...sessionIds]);
    };
    const answer = running.then(start, start);
    running = answer;
    return { sessionIds, answer };
  }

  return async (sessionId) => {
    next ??= openBatch();
    next.sessionIds.add(sessionId);
    return (await next.answer).has(sessionId);
  };
}

/** The watch of this process. */
export const sessions: SessionWatch = watchSessions({ readNews, findEnded, now: () => performance.now() });
