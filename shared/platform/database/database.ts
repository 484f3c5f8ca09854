// The function's connections to PostgreSQL: one small pool per process, opened with the first query, closed by the drain.

import type pg from 'pg';
import { database } from '../environment.ts';
import { Problem } from '../http/problem.ts';
import { beforeShutdown } from '../shutdown.ts';
import { log } from '../telemetry/log.ts';
import { atFirstRequest } from '../wake.ts';

/** SQL with numbered parameters. A `name` makes it a prepared statement, which hot paths want. */
export interface Statement {
  name?: string;
  text: string;
  values?: unknown[];
}

export type Query = <Row extends pg.QueryResultRow>(statement: Statement) => Promise<Row[]>;

const CONNECT_TIMEOUT_MS = 3_000;
/** Longer than the roles' own statement timeouts, so that the server's word comes first. */
const ANSWER_TIMEOUT_MS = 12_000;

let pool: Promise<pg.Pool> | undefined;
let reserved = 0;

/** Takes one connection of DATABASE_POOL_SIZE out of the pool, for somebody who keeps one of their own: the budget counts them all. */
export function reserveConnection(): void {
  reserved++;
}

/** Runs one statement on a connection of its own. An unreachable database is a `service_unavailable` Problem. */
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

/** Runs `work` in one transaction: committed when it returns, rolled back when it throws. No network calls inside. */
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

/** An error code of PostgreSQL such as '23505', if it is one. */
export function sqlState(error: unknown): string | undefined {
  const code = Error.isError(error) && 'code' in error ? error.code : undefined;
  // Each has a digit; EPIPE, which looks like one, has none.
  return typeof code === 'string' && /^(?=.*\d)[0-9A-Z]{5}$/.test(code) ? code : undefined;
}

/** The connection is gone or was never there: class 08, an admin's shutdown, or an error of the socket. */
export function isConnectionError(error: unknown): boolean {
  const state = sqlState(error);
  if (state) return state.startsWith('08') || state.startsWith('57P0') || state === '53300';
  return Error.isError(error) && !(error instanceof Problem) && error.name !== 'TypeError';
}

/** The first connection, while it is on its way. */
let first: Promise<void> | undefined;

// While the request is read and its caller recognised, the connection is on its way. A failure is for the query that needs it.
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
    // The pool would open a second one for whoever comes before the first is there, and both would take longer. One failure is
    // enough, too: nobody waits twice for a database that is away.
    await first;
    return await (await pool).connect();
  } catch (error) {
    throw unavailable(error);
  }
}

function unavailable(error: unknown): unknown {
  if (error instanceof Problem || !isConnectionError(error)) return error;
  log.error({ error }, 'the database cannot be reached');
  return new Problem('service_unavailable', { headers: { 'retry-after': '1' } });
}

async function openPool(): Promise<pg.Pool> {
  // The driver is loaded with the first query: a cold function answers its probes without it.
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
  // Without a listener an idle connection that the server closes would end the process.
  opened.on('error', (error) => log.warn({ error }, 'an idle database connection was lost'));
  // The pool listens only to idle ones; whoever works with a connection learns of its loss from the statement that fails.
  opened.on('connect', (client) => client.on('error', () => undefined));
  beforeShutdown('connections', async () => {
    pool = undefined;
    await opened.end();
  });
  return opened;
}
