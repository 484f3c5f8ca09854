// All transactions of a range as one stream, oldest first, in chunks by the primary key: the database writes the lines, this process only
// passes them on, so that it needs the memory of two chunks however long the stream is. The next chunk is asked for while one is sent.

import { type Query, query } from '../database/database.ts';
import { type Filters, narrowing, selection } from './listing.ts';
import { COUNTS, CSV_HEAD, csvLine, JOINS, jsonLine } from './record.ts';

export const FORMATS = { ndjson: 'application/x-ndjson', csv: 'text/csv; charset=utf-8' } as const;
export type Format = keyof typeof FORMATS;

/** Legs read at once; two make a transaction. */
const CHUNK = 8_000;

interface Chunk {
  lines: string | null;
  last: string | null;
}

/** Lines with their ends, a chunk at a time. `after`: the id of the last record that was received; `cut`: the position that shows what there was. */
export async function* exportLines(
  format: Format,
  filters: Filters,
  cut: string,
  after: string | undefined,
  ask: Query = query,
): AsyncGenerator<string> {
  if (format === 'csv' && after === undefined) yield `${CSV_HEAD}\r\n`;
  const end = format === 'csv' ? '\r\n' : '\n';
  let next = readChunk(format, filters, cut, after, ask);
  for (;;) {
    const { lines, last } = await next;
    if (last !== null) {
      next = readChunk(format, filters, cut, last, ask);
      // Its failure is thrown where it is waited for.
      next.catch(() => undefined);
    }
    if (lines !== null) yield lines + end;
    if (last === null) return;
  }
}

async function readChunk(
  format: Format,
  filters: Filters,
  cut: string,
  after: string | undefined,
  ask: Query,
): Promise<Chunk> {
  const values: unknown[] = [cut, CHUNK];
  const range = narrowing(filters, values);
  const begin = after === undefined ? '' : `and leg.id > $${values.push(after)}`;
  const [chunk] = await ask<Chunk & { legs: number }>({
    text: `
      with read as materialized (
        select leg.* from historical_transactions leg where ${range} ${begin} order by leg.id limit $2
      )
      select (select string_agg(line, E'${format === 'csv' ? '\\r\\n' : '\\n'}' order by id)
                from (select leg.id, ${format === 'csv' ? csvLine() : jsonLine(false)} as line from read leg ${JOINS}
                       where leg.created_position < $1 and ${COUNTS} and ${selection(filters, values)}) written) as lines,
             (select id from read order by id desc limit 1) as last, (select count(*)::int from read) as legs`,
    values,
  });
  // A chunk that is not full is the last one.
  return { lines: chunk?.lines ?? null, last: chunk && chunk.legs === CHUNK ? chunk.last : null };
}
