// The function's connections to PostgreSQL: one small pool per process. The first query opens it, the drain closes it.

import type pg from 'pg';
import { database } from '../environment.ts';
import { Problem } from '../http/problem.ts';
import { beforeShutdown } from '../shutdown.ts';
import { log } from '../telemetry/log.ts';
import { atFirstRequest } from '../wake.ts';

/** SQL with numbered parameters. A `name` makes it a prepared statement; use one on hot paths. */
export interface Statement {
  name?: string;
  text: string;
  values?: unknown[];
}

export type Query = <Row extends pg.QueryResultRow>(statement: Statement) => Promise<Row[]>;

const CONNECT_TIMEOUT_MS = 3_000;
/** Longer than the roles' statement timeouts, so that the server gives up before the client does. */
const ANSWER_TIMEOUT_MS = 12_000;

let pool: Promise<pg.Pool> | undefined;
let reserved = 0;

/**
 * Takes one connection of DATABASE_POOL_SIZE out of the pool for a module that keeps its own, because the budget counts
 * all connections.
 */
export function reserveConnection(): void {
  reserved++;
}

/** Runs one statement on any connection of the pool. Throws `service_unavailable` if the database is unreachable. */
export const query: Query = async <Row extends pg.QueryResultRow>(statement: Statement) => {
  const client = await connect();
  let broken: Error | undefined;
  try {
    return (await client.query<Row>(statement)).rows;
  } catch (error) {
    if (isConnectionError(error)) broken = error as Error;
    throw unavailable(error);
  } finally {
    client.release(broken);
  }
};

/** Runs `work` in one transaction: commits when it returns, rolls back when it throws. Make no network calls inside. */
export async function transaction<Result>(work: (query: Query) => Promise<Result>): Promise<Result> {
  const client = await connect();
  let broken: Error | undefined;
  try {
    await client.query('begin');
    const result = await work(async (statement) => (await client.query(statement)).rows as never);
    await client.query('commit');
    return result;
  } catch (error) {
    if (isConnectionError(error)) broken = error as Error;
    else await client.query('rollback').catch((failure: Error) => (broken = failure));
    throw unavailable(error);
  } finally {
    client.release(broken);
  }
}

/** PostgreSQL's error code such as '23505', if the error has one. */
export function sqlState(error: unknown): string | undefined {
  const code = Error.isError(error) && 'code' in error ? error.code : undefined;
  // Every code of PostgreSQL has a digit; EPIPE, which looks like one, has none.
  return typeof code === 'string' && /^(?=.*\d)[0-9A-Z]{5}$/.test(code) ? code : undefined;
}

/**
 * True if the connection is lost or could not be opened: class 08, an administrator's shutdown, or an error of the
 * socket.
 */
export function isConnectionError(error: unknown): boolean {
  const state = sqlState(error);
  if (state) return state.startsWith('08') || state.startsWith('57P0') || state === '53300';
  return Error.isError(error) && !(error instanceof Problem) && error.name !== 'TypeError';
}

/** The first connection, while it is being opened. */
let first: Promise<void> | undefined;

// Connects while the request is read and its caller recognised. The query that needs the connection handles a failure.
atFirstRequest(() => {
  const opening = connect().then((client) => client.release());
  const forget = () => {
    first = undefined;
  };
  opening.then(forget, forget);
  first = opening;
});

async function connect(): Promise<pg.PoolClient> {
  pool ??= openPool();
  try {
    // Waits for the first connection. Otherwise the pool would open a second one for an early query, and both would
    // take longer. And if the database is away, the query waits for one attempt, not for two.
    await first;
    return await (await pool).connect();
  } catch (error) {
    throw unavailable(error);
  }
}

function unavailable(error: unknown): unknown {
  if (error instanceof Problem || !isConnectionError(error)) return error;
  log.error({ error }, 'cannot reach the database');
  return new Problem('service_unavailable', { headers: { 'retry-after': '1' } });
}

async function openPool(): Promise<pg.Pool> {
  // The driver is loaded with the first query, so a cold function answers its probes without it.
  const { Pool } = await import('../packages/pg.ts');
  const { url, poolSize } = database();
  const opened = new Pool({
    connectionString: url,
    max: Math.max(1, poolSize - reserved),
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    query_timeout: ANSWER_TIMEOUT_MS,
    idleTimeoutMillis: 60_000,
    keepAlive: true,
  });
  // Without this listener the process would end when the server closes an idle connection.
  opened.on('error', (error) => log.warn({ error }, 'an idle database connection was lost'));
  // The pool listens to idle connections only. A query learns of a lost connection from its failing statement.
  opened.on('connect', (client) => client.on('error', () => undefined));
  beforeShutdown('connections', async () => {
    pool = undefined;
    await opened.end();
  });
  return opened;
}
