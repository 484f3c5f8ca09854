// The record of changes that break callers: one line per change, with the day and the reason. The lines of earlier commits belong to
// earlier changes: what breaks callers now needs a line that is not committed yet.

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
 * `committed` is the record of the commit that is compared with, `present` the one in the working copy. A change that has its line there
 * keeps it; a line without its change goes; others get `reason`, if there is one.
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
