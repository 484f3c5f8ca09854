// Brings the sums of reports forward, a bounded number of transactions at a time.

import { query, sqlState } from '../platform/database/database.ts';

/** Transaction numbers at once: those of a busy minute fit in, and what has been left lying for days is done in steps. */
const AT_ONCE = 20_000;
/** A step that takes longer than a statement may is tried again at a fraction of its size. */
const SMALLER = 10;

/** Up to the oldest transaction that still runs, for `limitMs` at most. Gives the new cut. */
export async function advanceRollups(limitMs: number): Promise<string> {
  const end = performance.now() + limitMs;
  let step = AT_ONCE;
  for (;;) {
    try {
      const { cut, done } = await advance(step);
      if (done || performance.now() > end) return cut;
    } catch (error) {
      if (sqlState(error) !== QUERY_CANCELED || step === 1 || performance.now() > end) throw error;
      step = Math.max(1, Math.floor(step / SMALLER));
    }
  }
}

const QUERY_CANCELED = '57014';

async function advance(step: number): Promise<{ cut: string; done: boolean }> {
  const [row] = await query<{ cut: string; done: boolean }>({
    text: 'select cut::text, cut >= pg_snapshot_xmin(pg_current_snapshot()) as done from advance_report_rollups($1) cut',
    values: [step],
  });
  return { cut: row?.cut ?? '0', done: row?.done ?? true };
}

/** How old the sums are. */
export async function ageOfRollups(): Promise<number> {
  const [row] = await query<{ seconds: number }>({
    text: "select coalesce(extract(epoch from now() - nullif(cut_at, '-infinity')), 0)::float8 as seconds from report_cut",
  });
  return Math.max(0, row?.seconds ?? 0);
}
