// Every minute: asks providers about top-ups that nobody told us of, and keeps the house.

import { countOverdue } from '../../shared/events/outbox.ts';
import { SCHEDULE_TYPE, scheduleSchema } from '../../shared/events/schedule.ts';
import { openFindings } from '../../shared/findings.ts';
import { defineFunction } from '../../shared/http/function.ts';
import { Problem } from '../../shared/http/problem.ts';
import { keepLedger } from '../../shared/ledger/upkeep.ts';
import { keepSessions } from '../../shared/sessions/upkeep.ts';
import { log } from '../../shared/telemetry/log.ts';
import { askAboutDue } from '../../shared/topups/reconciliation.ts';

/** No look begins after that: the next tick goes on where this one stops. With the last look it ends before that tick. */
const ASK_LIMIT_MS = 30_000;
const KEEP_LIMIT_MS = 3_000;
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
      let failures = 0;
      // Each step on its own: a provider that is away must not keep the tables from being looked after.
      for (const step of [() => askAboutDue(ASK_LIMIT_MS, trace.traceparent), keepHouse, report]) {
        await step().catch((error) => {
          failures++;
          log.error({ error, traceId: trace.traceId }, 'a step of reconcile has failed');
        });
      }
      if (failures > 0)
        throw new Problem('service_unavailable', { detail: 'The next run does what this one could not.' });
    },
  },
});

async function keepHouse(): Promise<void> {
  const ledger = await keepLedger(KEEP_LIMIT_MS);
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
