// Every minute: asks providers about top-ups that nobody told us of, and keeps the house.

import { countOverdue } from '../../shared/events/outbox.ts';
import { SCHEDULE_TYPE, scheduleSchema } from '../../shared/events/schedule.ts';
import { openFindings } from '../../shared/findings.ts';
import { defineFunction } from '../../shared/http/function.ts';
import { keepLedger } from '../../shared/ledger/upkeep.ts';
import { keepSessions } from '../../shared/sessions/upkeep.ts';
import { log } from '../../shared/telemetry/log.ts';
import { askAboutDue } from '../../shared/topups/reconciliation.ts';

/** The next tick goes on where this one stops. */
const LIMIT_MS = 40_000;
/** relay-outbox has had its chance by then. */
const OVERDUE_SECONDS = 120;
const MOST_COUNTED = 10_000;

export default defineFunction({
  name: 'reconcile',
  summary: 'Ask about top-ups that nobody told us of, and keep the house',
  event: {
    types: [SCHEDULE_TYPE],
    data: scheduleSchema,
    handle: async (_event, trace) => {
      const end = performance.now() + LIMIT_MS;
      const failures: unknown[] = [];
      // Each step on its own: a provider that is away must not keep the tables from being looked after.
      for (const step of [() => askAboutDue(end, trace.traceparent), () => keepHouse(end), report]) {
        await step().catch((error) => failures.push(error));
      }
      for (const error of failures.slice(1)) log.error({ error }, 'a step of reconcile has failed');
      if (failures.length > 0) throw failures[0];
    },
  },
});

async function keepHouse(end: number): Promise<void> {
  const ledger = await keepLedger(end);
  const { removed } = await keepSessions();
  if (ledger.partitionsMade + ledger.keysRemoved + removed > 0) {
    log.info({ ...ledger, sessionsRemoved: removed }, 'the house is kept');
  }
}

/** What an operator should see without looking for it. */
async function report(): Promise<void> {
  const overdue = await countOverdue(OVERDUE_SECONDS, MOST_COUNTED);
  if (overdue > 0) log.error({ events: overdue }, 'events wait in the outbox: Kafka or the sink is out of reach');
  const findings = await openFindings();
  if (Object.keys(findings).length > 0) log.warn({ findings }, 'open findings');
}
