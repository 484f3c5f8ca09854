// Every minute: asks providers about top-ups that nobody told us of, proves the books, and keeps the house.

import { query } from '../../shared/database/database.ts';
import { countOverdue } from '../../shared/events/outbox.ts';
import { SCHEDULE_TYPE, scheduleSchema } from '../../shared/events/schedule.ts';
import { countOpenFindings, FINDING_KINDS, isAboutMoney, keepFindings } from '../../shared/findings.ts';
import { defineFunction } from '../../shared/http/function.ts';
import { Problem } from '../../shared/http/problem.ts';
import { overdueHolds, overdueTopups } from '../../shared/ledger/overdue.ts';
import { ageOfTrialBalance, continueTrialBalance } from '../../shared/ledger/trial-balance.ts';
import { keepLedger } from '../../shared/ledger/upkeep.ts';
import { keepSessions } from '../../shared/sessions/upkeep.ts';
import { log } from '../../shared/telemetry/log.ts';
import { pushMetrics, setGauge } from '../../shared/telemetry/metrics.ts';
import { askAboutDue } from '../../shared/topups/reconciliation.ts';

// Together with the last look at a provider and the last page of the books they end before the next tick: the next run goes on where
// this one stops.
const PROVE_LIMIT_MS = 8_000;
const ASK_LIMIT_MS = 20_000;
const KEEP_LIMIT_MS = 3_000;
/** relay-outbox has had its chance by then. */
const OVERDUE_SECONDS = 120;
const MOST_COUNTED = 10_000;

export default defineFunction({
  name: 'reconcile',
  summary: 'Ask about top-ups that nobody told us of, prove the books, and keep the house',
  uses: { database: 'money', redis: true, kafka: true, providers: true },
  event: {
    types: [SCHEDULE_TYPE],
    data: scheduleSchema,
    handle: async (_event, trace) => {
      let failures = 0;
      // Each step on its own: a provider that is away must not keep the books from being proven.
      for (const step of [
        proveBooks,
        () => askAboutDue(ASK_LIMIT_MS, trace.traceparent),
        keepHouse,
        findStuck,
        report,
      ]) {
        await step().catch((error) => {
          failures++;
          log.error({ error, traceId: trace.traceId }, 'a step of reconcile has failed');
        });
      }
      // The instance may be gone before anybody asks it.
      await pushMetrics();
      if (failures > 0)
        throw new Problem('service_unavailable', { detail: 'The next run does what this one could not.' });
    },
  },
});

async function proveBooks(): Promise<void> {
  const { accounts, legs, broken, isRoundComplete } = await continueTrialBalance(PROVE_LIMIT_MS);
  const found = { accounts, legs, broken: broken.length, isRoundComplete };
  if (broken.length > 0) log.error(found, 'the books contradict themselves: see the findings');
  else log.info(found, 'the books are proven');
}

async function keepHouse(): Promise<void> {
  const ledger = await keepLedger(KEEP_LIMIT_MS);
  const { removed } = await keepSessions();
  if (ledger.partitionsMade + ledger.keysRemoved + removed > 0) {
    log.info({ ...ledger, sessionsRemoved: removed }, 'the house is kept');
  }
}

/** What should have ended or left by now; what has since then is resolved. */
async function findStuck(): Promise<void> {
  const overdue = await countOverdue(query, OVERDUE_SECONDS, MOST_COUNTED);
  setGauge('one_gate.outbox.overdue', overdue);
  await keepFindings('topup_pending_too_long', await overdueTopups(query));
  await keepFindings('hold_overdue', await overdueHolds(query));
  const detail = `${overdue} events wait in the outbox for over ${OVERDUE_SECONDS} s: Kafka or the sink is out of reach.`;
  await keepFindings('outbox_overdue', overdue > 0 ? [{ kind: 'outbox_overdue', subject: 'outbox', detail }] : []);
}

/** What an operator should see without looking for it. */
async function report(): Promise<void> {
  const open = await countOpenFindings(query);
  for (const kind of FINDING_KINDS) setGauge('one_gate.findings.open', open[kind], { kind });
  const broken = FINDING_KINDS.filter(isAboutMoney).reduce((sum, kind) => sum + open[kind], 0);
  setGauge('one_gate.trial_balance.violations', broken);
  // Told in any case: it grows while the books cannot be proven.
  setGauge('one_gate.trial_balance.age_seconds', await ageOfTrialBalance(query));
  const findings = Object.fromEntries(Object.entries(open).filter(([, count]) => count > 0));
  if (Object.keys(findings).length > 0) log.warn({ findings }, 'open findings');
}
