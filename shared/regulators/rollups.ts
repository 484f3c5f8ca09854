// Advances the sums of reports, a bounded number of transactions at a time.

import { query, sqlState } from '../platform/database/database.ts';

/** Transaction numbers per step. A busy minute fits into one; a backlog of days takes several. */
const AT_ONCE = 20_000;
/** A step that hits the statement timeout is retried at a fraction of its size. */
const SMALLER = 10;

/** Advances up to the oldest running transaction, for `limitMs` at most. Returns the new cut. */
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

/** The age of the sums. */
export async function ageOfRollups(): Promise<number> {
  const [row] = await query<{ seconds: number }>({
    text: "select coalesce(extract(epoch from now() - nullif(cut_at, '-infinity')), 0)::float8 as seconds from report_cut",
  });
  return Math.max(0, row?.seconds ?? 0);
}
