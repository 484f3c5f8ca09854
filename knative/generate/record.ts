// The record of changes that break callers: one line per change, with the day and the reason. Committed lines belong to
// earlier changes: a new change needs a line that is not committed yet.

import { rowsOf, table } from '../local/table.ts';

export interface Recorded {
  day: string;
  change: string;
  reason: string;
}

const HEAD = ['day', 'change', 'reason'] as const;

export function recordTable(record: readonly Recorded[]): string {
  return [
    '# Changes of the API that break its callers',
    '',
    '`make generate` refuses them without a reason (`make generate BREAKING=why`), and writes them here.',
    '',
    ...table(
      HEAD,
      record.map(({ day, change, reason }) => [day, change, reason]),
    ),
    '',
  ].join('\n');
}

/** Reads what `recordTable` wrote. */
export function readRecord(text: string): Recorded[] {
  return rowsOf(text, HEAD);
}

/**
 * `committed` is the record of the compared commit, `present` the one in the working copy. A change that has its line
 * in `present` keeps it; a line without its change is removed; a change without a line gets `reason`, if one is given.
 */
export function recordChanges(
  changes: readonly string[],
  committed: readonly Recorded[],
  present: readonly Recorded[],
  reason: string,
  day: string,
): { record: Recorded[]; withoutReason: string[] } {
  const known = new Set(committed.map((each) => JSON.stringify(each)));
  const fresh = present.filter((each) => !known.has(JSON.stringify(each)));
  const lines = changes.map((change) => fresh.find((each) => each.change === change) ?? { day, change, reason });
  return {
    record: [...committed, ...lines.filter(({ reason }) => reason !== '')],
    withoutReason: lines.filter(({ reason }) => reason === '').map(({ change }) => change),
  };
}
