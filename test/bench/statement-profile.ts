// Time and write-ahead log per statement, from pg_stat_statements.

import type pg from 'pg';

export async function resetStatements(admin: pg.Client): Promise<void> {
  await admin.query('create extension if not exists pg_stat_statements');
  await admin.query('select pg_stat_statements_reset()');
}

interface Row {
  query: string;
  toplevel: boolean;
  calls: string;
  total: number;
  planning: number;
  wal_bytes: string;
  wal_fpi: string;
}

/** The most expensive first; a statement inside a trigger has an arrow and is part of the statement that fires it. */
export async function statementsOf(admin: pg.Client, requests: number): Promise<string[][]> {
  const { rows } = await admin.query<Row>(
    `select regexp_replace(left(query, 400), '\\s+', ' ', 'g') as query, toplevel, calls, total_exec_time as total,
            total_plan_time as planning, wal_bytes, wal_fpi
       from pg_stat_statements join pg_database database on database.oid = dbid
      where datname = current_database() and userid in ('one_gate_money'::regrole, 'one_gate_migrator'::regrole) order by total_exec_time desc limit 12`,
  );
  return rows.map((row) => [
    `${row.toplevel ? '' : '↳ '}\`${shorten(row.query)}\``,
    row.calls,
    (row.total / Number(row.calls)).toFixed(3),
    ((row.total * 1000) / requests).toFixed(1),
    ((row.planning * 1000) / requests).toFixed(1),
    (Number(row.wal_bytes) / requests).toFixed(0),
    ((Number(row.wal_fpi) * 1000) / requests).toFixed(1),
  ]);
}

function shorten(query: string): string {
  const text = query.trim().replaceAll('|', '\\|').replaceAll('`', "'");
  return text.length > 90 ? `${text.slice(0, 90)}…` : text;
}
