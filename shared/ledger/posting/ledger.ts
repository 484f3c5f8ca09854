// Natural batching: postings that arrive while a batch is in flight go together in the next one. No timer, no wait when idle, one
// write batch in flight per instance. What a posting ends in is decided by decide.ts and movements.ts and written by batch.ts; here is what happens
// when that goes wrong.

import type pg from 'pg';
import { isConnectionError, reserveConnection, sqlState } from '../../platform/database/database.ts';
import { database } from '../../platform/environment.ts';
import type { OutboxEvent } from '../../platform/events/event.ts';
import { publish } from '../../platform/events/publisher.ts';
import { beforeShutdown } from '../../platform/shutdown.ts';
import { log } from '../../platform/telemetry/log.ts';
import { atFirstRequest } from '../../platform/wake.ts';
import { accountIds } from '../rules/movements.ts';
import type { Decided, Posting, Result } from '../rules/words.ts';
import { type Ended, runBatch } from './batch.ts';
import { busyAccounts } from './lock-and-read.ts';
import { BatchFailure } from './write-and-commit.ts';

/** What a posting has come to. */
export interface Posted<Data extends object = object> {
  /** The operation that the result is about: the first one's when this was a repetition. */
  operationId: string;
  /** Null while the first request with this key is still running, and where the key or a freeze forbids it: `decided` tells which. */
  result: Result<Data> | null;
  /** The result is that of an earlier request with the same key. */
  replayed: boolean;
  /** What was decided just now; undefined when the result was found. */
  decided: Decided | undefined;
}

/**
 * Why a posting has found no end. `busy`: nothing has happened, and later it may. `failed`: nothing has happened, and it cannot be written.
 * `unknown`: a COMMIT was sent whose answer was lost; the same key tells.
 */
export class PostingFailure extends Error {
  readonly kind: 'busy' | 'failed' | 'unknown';

  constructor(kind: PostingFailure['kind'], reason: string) {
    super(reason);
    this.kind = kind;
  }
}

const LARGEST_BATCH = 100;
/** The platform bounds what comes in; this bounds what may wait if it does not. */
const LARGEST_QUEUE = 5_000;
/** A posting that has found no end by then is answered: "failed" if it was never sent to COMMIT, else "unknown". */
const DEADLINE_MS = 8_000;
/** Longer than the role's statement_timeout: the server's word comes first. */
const ANSWER_TIMEOUT_MS = 7_000;
const CONNECT_TIMEOUT_MS = 3_000;

interface Waiting {
  posting: Posting;
  deadline: number;
  /** A COMMIT was sent whose answer was lost. */
  maybeCommitted: boolean;
  resolve(posted: Posted): void;
  reject(failure: PostingFailure): void;
}

const queue: Waiting[] = [];
let working: Promise<void> | undefined;
let connection: Promise<pg.Client> | undefined;

/** Posts to the ledger; resolves when the posting is committed or refused for good. Rejects with a PostingFailure. */
export function post<Data extends object>(posting: Posting<Data>): Promise<Posted<Data>> {
  if (queue.length >= LARGEST_QUEUE) return Promise.reject(busy('Too much is waiting already.'));
  return new Promise((resolve, reject) => {
    queue.push({
      posting,
      deadline: performance.now() + DEADLINE_MS,
      maybeCommitted: false,
      resolve: resolve as (posted: Posted) => void,
      reject,
    });
    working ??= work();
  });
}

async function work(): Promise<void> {
  // One turn of the event loop, so that requests which were read from their sockets together go together.
  await new Promise((resolve) => setImmediate(resolve));
  try {
    while (queue.length > 0) await runToTheEnd(queue.splice(0, LARGEST_BATCH));
  } finally {
    // In the same turn as the last look at the queue: a posting that comes later starts the work anew.
    working = undefined;
  }
}

/** Runs a batch again and again until each of its postings has an end; bounded by their deadlines. */
async function runToTheEnd(batch: Waiting[]): Promise<void> {
  let remaining = batch;
  for (let attempt = 1; ; attempt++) {
    remaining = withoutLate(remaining);
    if (remaining.length === 0) return;
    try {
      finish(
        remaining,
        await runBatch(
          await connect(),
          remaining.map(({ posting }) => posting),
        ),
      );
      return;
    } catch (error) {
      const failure = error instanceof BatchFailure ? error : new BatchFailure('rolled_back', error);
      if (failure.kind === 'unknown') for (const waiting of remaining) waiting.maybeCommitted = true;
      if (isTransient(failure)) {
        log.warn({ error: failure.cause, kind: failure.kind, postings: remaining.length }, 'a batch is run again');
        await pause(attempt);
      } else if (sqlState(failure.cause) === LOCK_NOT_AVAILABLE) remaining = await withoutBusy(remaining);
      else return isolate(remaining, failure);
    }
  }
}

/** One bad posting must not fail its neighbours: halves are tried until it stands alone. */
async function isolate(batch: Waiting[], failure: BatchFailure): Promise<void> {
  if (batch.length > 1) {
    const middle = batch.length >> 1;
    await runToTheEnd(batch.slice(0, middle));
    return runToTheEnd(batch.slice(middle));
  }
  log.error({ error: failure.cause, kind: failure.kind }, 'a posting cannot be written');
  for (const waiting of batch) {
    waiting.reject(waiting.maybeCommitted ? unknown() : new PostingFailure('failed', 'The posting cannot be written.'));
  }
}

function finish(batch: readonly Waiting[], ended: readonly Ended[]): void {
  const events: OutboxEvent[] = [];
  for (const [index, { posting, maybeCommitted, resolve }] of batch.entries()) {
    const end = ended[index] as Ended;
    if ('repeats' in end) {
      const { operationId, result } = end.repeats;
      // Its own batch may have been committed though the answer was lost: then this is its first result.
      const isOwn = maybeCommitted && operationId === posting.operationId;
      resolve({ operationId, result, replayed: !isOwn, decided: undefined });
      continue;
    }
    const { decision, recorded } = end;
    const { data } = recorded;
    if (recorded.events) events.push(...recorded.events);
    resolve({ operationId: posting.operationId, result: data && { data }, replayed: false, decided: decision });
  }
  if (events.length > 0) publish(events);
}

const LOCK_NOT_AVAILABLE = '55P03';
const TRANSIENT_STATES = new Set(['40001', '40P01']);

function isTransient({ kind, cause }: BatchFailure): boolean {
  if (kind === 'unknown') return true;
  return kind === 'rolled_back' && (TRANSIENT_STATES.has(sqlState(cause) ?? '') || isConnectionError(cause));
}

function withoutLate(batch: Waiting[]): Waiting[] {
  const now = performance.now();
  return batch.filter((waiting) => {
    if (waiting.deadline > now) return true;
    waiting.reject(waiting.maybeCommitted ? unknown() : busy('The database did not answer in time.'));
    return false;
  });
}

/** After a lock timeout: those that wait for an account which somebody else holds are sent away, the others go on. */
async function withoutBusy(batch: Waiting[]): Promise<Waiting[]> {
  // The connection may be lost by now: then nobody is known to be busy, and the batch is run again.
  const held = await connect()
    .then((client) =>
      busyAccounts(
        client,
        batch.map(({ posting }) => posting),
      ),
    )
    .catch(() => new Set<string>());
  return batch.filter((waiting) => {
    const { key, movement } = waiting.posting;
    if (![key.accountId, ...accountIds(movement)].some((id) => held.has(id))) return true;
    waiting.reject(busy('The account is busy with something else.'));
    return false;
  });
}

function busy(reason: string): PostingFailure {
  return new PostingFailure('busy', reason);
}

function unknown(): PostingFailure {
  return new PostingFailure('unknown', 'The answer to COMMIT was lost.');
}

/** 10, 20, 40 ... at most 500 ms, with jitter, so that instances do not come back together. */
function pause(attempt: number): Promise<void> {
  const delay = Math.min(500, 5 * 2 ** attempt) * (0.5 + Math.random());
  return new Promise((resolve) => setTimeout(resolve, delay));
}

reserveConnection();
// It is opened with the first request, while the caller and the payee are looked up on the pool's. A failure is for the posting that
// needs it.
atFirstRequest(() => {
  connect().catch(() => undefined);
});

/** The one connection that batches are written on; pipelined, so that a batch takes two round trips. */
function connect(): Promise<pg.Client> {
  if (connection) return connection;
  // A lost connection may say so twice, and the second time when the next one is in use already.
  const forget = () => {
    if (connection === opening) connection = undefined;
  };
  const opening = open(forget);
  opening.catch(forget);
  connection = opening;
  return opening;
}

async function open(lost: () => void): Promise<pg.Client> {
  const { Client } = await import('../../platform/packages/pg.ts');
  const client = new Client({
    connectionString: database().url,
    pipeline: true,
    query_timeout: ANSWER_TIMEOUT_MS,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    keepAlive: true,
  });
  client.on('error', (error) => {
    log.warn({ error }, "the ledger's connection was lost");
    lost();
  });
  client.on('end', lost);
  await client.connect();
  return client;
}

beforeShutdown('work', async () => {
  await working;
});
beforeShutdown('connections', async () => {
  const open = connection;
  connection = undefined;
  await open?.then((client) => client.end()).catch(() => undefined);
});
