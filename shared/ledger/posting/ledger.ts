// Natural batching: postings that arrive while a batch is in flight form the next one. There is no timer and no wait
// when idle, and an instance has one write batch in flight. decide.ts and movements.ts decide each posting, batch.ts
// writes it; this file queues postings and deals with failures.

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

/** The end of a posting. */
export interface Posted<Data extends object = object> {
  /** The operation that the result belongs to. For a repetition, the operation of the first request. */
  operationId: string;
  /**
   * Null while the first request with this key is running, and if the key or a freeze forbids the posting: `decided`
   * tells which.
   */
  result: Result<Data> | null;
  /** True if the result belongs to an earlier request with the same key. */
  replayed: boolean;
  /** The decision of this batch. Undefined if the result was found. */
  decided: Decided | undefined;
}

/**
 * Why a posting did not end. `busy`: nothing has happened, and a retry may work. `failed`: nothing has happened, and
 * the posting cannot be written. `unknown`: the answer to COMMIT was lost; a retry with the same key finds out.
 */
export class PostingFailure extends Error {
  readonly kind: 'busy' | 'failed' | 'unknown';

  constructor(kind: PostingFailure['kind'], reason: string) {
    super(reason);
    this.kind = kind;
  }
}

const LARGEST_BATCH = 100;
/** Bounds the queue in case the platform does not bound the requests. */
const LARGEST_QUEUE = 5_000;
/** A posting without an end by then gets "failed" if no COMMIT was sent for it, else "unknown". */
const DEADLINE_MS = 8_000;
/** Longer than the role's statement_timeout, so that the server gives up before the client does. */
const ANSWER_TIMEOUT_MS = 7_000;
const CONNECT_TIMEOUT_MS = 3_000;

interface Waiting {
  posting: Posting;
  deadline: number;
  /** A COMMIT was sent, and its answer was lost. */
  maybeCommitted: boolean;
  resolve(posted: Posted): void;
  reject(failure: PostingFailure): void;
}

const queue: Waiting[] = [];
let working: Promise<void> | undefined;
let connection: Promise<pg.Client> | undefined;

/** Posts to the ledger. Resolves when the posting is committed or finally refused. Rejects with a PostingFailure. */
export function post<Data extends object>(posting: Posting<Data>): Promise<Posted<Data>> {
  if (queue.length >= LARGEST_QUEUE) return Promise.reject(busy('The queue of postings is full.'));
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
  // Waits one turn of the event loop, so that requests that were read from sockets together share a batch.
  await new Promise((resolve) => setImmediate(resolve));
  try {
    while (queue.length > 0) await runToTheEnd(queue.splice(0, LARGEST_BATCH));
  } finally {
    // Runs in the same turn as the last check of the queue, so that a later posting starts the work again.
    working = undefined;
  }
}

/** Repeats a batch until each of its postings has ended. Their deadlines bound it. */
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
        log.warn({ error: failure.cause, kind: failure.kind, postings: remaining.length }, 'running a batch again');
        await pause(attempt);
      } else if (sqlState(failure.cause) === LOCK_NOT_AVAILABLE) remaining = await withoutBusy(remaining);
      else return isolate(remaining, failure);
    }
  }
}

/** Finds the one bad posting by halving the batch, so that it does not fail its neighbours. */
async function isolate(batch: Waiting[], failure: BatchFailure): Promise<void> {
  if (batch.length > 1) {
    const middle = batch.length >> 1;
    await runToTheEnd(batch.slice(0, middle));
    return runToTheEnd(batch.slice(middle));
  }
  log.error({ error: failure.cause, kind: failure.kind }, 'cannot write a posting');
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
      // The posting's own batch may have been committed although its answer was lost. Then this is its first result.
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

/** After a lock timeout: rejects the postings whose accounts another transaction has locked, and returns the others. */
async function withoutBusy(batch: Waiting[]): Promise<Waiting[]> {
  // If the connection is lost, no account counts as busy, and the batch runs again.
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
    waiting.reject(busy('Another transaction has locked the account.'));
    return false;
  });
}

function busy(reason: string): PostingFailure {
  return new PostingFailure('busy', reason);
}

function unknown(): PostingFailure {
  return new PostingFailure('unknown', 'The answer to COMMIT was lost.');
}

/** Waits 10, 20, 40 ... at most 500 ms, with jitter, so that instances do not retry at the same moment. */
function pause(attempt: number): Promise<void> {
  const delay = Math.min(500, 5 * 2 ** attempt) * (0.5 + Math.random());
  return new Promise((resolve) => setTimeout(resolve, delay));
}

reserveConnection();
// Connects with the first request, while the pool looks up the caller and the payee. The posting that needs the
// connection handles a failure.
atFirstRequest(() => {
  connect().catch(() => undefined);
});

/** The only connection for batches. It pipelines statements, so that a batch takes two round trips. */
function connect(): Promise<pg.Client> {
  if (connection) return connection;
  // A lost connection may report twice, the second time when its successor is already in use.
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
