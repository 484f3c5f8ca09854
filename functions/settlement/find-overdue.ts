// Every minute: finds top-ups, holds and events that should have ended by now, and resolves the findings of those that
// have ended.

import { keepFindings } from '../../shared/findings.ts';
import { overdueHolds, overdueTopups } from '../../shared/ledger/proof/overdue.ts';
import { query } from '../../shared/platform/database/database.ts';
import { countOverdue } from '../../shared/platform/events/outbox.ts';
import { everyMinute } from '../../shared/platform/events/schedule.ts';
import { defineFunction } from '../../shared/platform/http/function.ts';
import { pushMetrics, setGauge } from '../../shared/platform/telemetry/metrics.ts';

/** relay-outbox has had time to publish them by then. */
const OVERDUE_SECONDS = 120;
const MOST_COUNTED = 10_000;

export default defineFunction({
  name: 'find-overdue',
  summary: 'Find top-ups, holds and events that are overdue',
  uses: { database: 'auditor', kafka: true },
  event: {
    ...everyMinute,
    handle: async () => {
      await findOverdue();
      await pushMetrics();
    },
  },
});

async function findOverdue(): Promise<void> {
  const overdue = await countOverdue(query, OVERDUE_SECONDS, MOST_COUNTED);
  setGauge('one_gate.outbox.overdue', overdue);
  await keepFindings('topup_pending_too_long', await overdueTopups(query));
  await keepFindings('hold_overdue', await overdueHolds(query));
  const detail = `${overdue} events wait in the outbox for over ${OVERDUE_SECONDS} s: Kafka or the sink is out of reach.`;
  await keepFindings('outbox_overdue', overdue > 0 ? [{ kind: 'outbox_overdue', subject: 'outbox', detail }] : []);
}
