// Brings the sums of reports forward, a bounded number of transactions at a time.

import { query } from '../database/database.ts';

/** Transaction numbers at once: those of a busy minute fit in, and what has been left lying for days is done in steps. */
const AT_ONCE = 50_000;

/** Up to the oldest transaction that still runs, for `limitMs` at most. Gives the new cut. */
export async function advanceRollups(limitMs: number): Promise<string> {
  const end = performance.now() + limitMs;
  for (let before = ''; ; ) {
    const [row] = await query<{ cut: string; done: boolean }>({
      text: 'select cut::text, cut >= pg_snapshot_xmin(pg_current_snapshot()) as done from advance_report_rollups($1) cut',
      values: [AT_ONCE],
    });
    const cut = row?.cut ?? '0';
    if (row?.done || cut === before || performance.now() > end) return cut;
    before = cut;
  }
}

/** How old the sums are. */
export async function ageOfRollups(): Promise<number> {
  const [row] = await query<{ seconds: number }>({
    text: "select coalesce(extract(epoch from now() - nullif(cut_at, '-infinity')), 0)::float8 as seconds from report_cut",
  });
  return Math.max(0, row?.seconds ?? 0);
}
