// All transactions of a range as one stream, oldest first, in chunks by the primary key. The database writes the lines
// and this process only passes them on, so it needs the memory of a few chunks for any length. While one chunk is sent,
// two are being written.

import { type Query, query } from '../platform/database/database.ts';
import { type Filters, toRead, toShow } from './filters.ts';
import { COUNTS, CSV_HEAD, csvLine, JOINS, jsonLine } from './record.ts';

export const FORMATS = { ndjson: 'application/x-ndjson', csv: 'text/csv; charset=utf-8' } as const;
export type Format = keyof typeof FORMATS;

/** Below every existing id. */
const FIRST_ID = '00000000-0000-0000-0000-000000000000';
/** Legs in a chunk; two make a transaction. */
const CHUNK = 4_000;
const IN_FLIGHT = 2;

export interface Export {
  format: Format;
  filters: Filters;
  /** The cut that the export shows. */
  cut: string;
  /** The id of the last received record. Undefined for the whole range. */
  after?: string | undefined;
  chunk?: number;
}

/** Whole lines, one chunk at a time. */
export async function* exportLines(wish: Export, ask: Query = query): AsyncGenerator<string> {
  const { format, after } = wish;
  if (format === 'csv' && after === undefined) yield `${CSV_HEAD}\r\n`;
  const inFlight: Promise<string | null>[] = [];
  let begin: string | undefined = after ?? FIRST_ID;
  while (begin !== undefined || inFlight.length > 0) {
    while (begin !== undefined && inFlight.length < IN_FLIGHT) {
      const end: string | undefined = await endOfChunk(wish, begin, ask);
      const chunk = readChunk(wish, begin, end, ask);
      // Silences the rejection here, because the chunk is awaited later, and its failure is thrown there.
      chunk.catch(() => undefined);
      inFlight.push(chunk);
      begin = end;
    }
    const lines = await inFlight.shift();
    if (lines) yield lines;
  }
}

/** The last leg of the chunk that begins after `begin`. Undefined for the last chunk, which is open-ended. */
async function endOfChunk({ filters, chunk = CHUNK }: Export, begin: string, ask: Query): Promise<string | undefined> {
  const values: unknown[] = [begin, chunk - 1];
  const [row] = await ask<{ id: string }>({
    text: `
      select leg.id from historical_transactions leg where ${['leg.id > $1', ...toRead(filters, values)].join(' and ')}
       order by leg.id offset $2 limit 1`,
    values,
  });
  return row?.id;
}

async function readChunk(
  { format, filters, cut }: Export,
  begin: string,
  end: string | undefined,
  ask: Query,
): Promise<string | null> {
  const [row] = await ask<{ lines: string | null }>(chunkStatement(format, filters, cut, begin, end));
  return row?.lines ?? null;
}

/** Exported for test/bench, which shows its plan. */
export function chunkStatement(
  format: Format,
  filters: Filters,
  cut: string,
  begin: string,
  end: string | undefined,
): { text: string; values: unknown[] } {
  const values: unknown[] = [cut, begin];
  const wanted = [
    'leg.id > $2',
    ...(end === undefined ? [] : [`leg.id <= $${values.push(end)}`]),
    'pg_visible_in_snapshot(leg.created_position, $1)',
    COUNTS,
    ...toShow(filters, values),
  ].join(' and ');
  const [line, lineEnd] = format === 'csv' ? [csvLine(), '\\r\\n'] : [jsonLine(false), '\\n'];
  return {
    text: `
      with read as materialized (
        select leg.* from historical_transactions leg where ${wanted} order by leg.id
      )
      select string_agg(line || E'${lineEnd}', '' order by id) as lines
        from (select leg.id, ${line} as line from read leg ${JOINS}) written`,
    values,
  };
}
