// Every minute: proves the books from where the last run stopped, as a role that cannot move money.

import { SCHEDULE_TYPE, scheduleSchema } from '../../shared/events/schedule.ts';
import { defineFunction } from '../../shared/http/function.ts';
import { continueTrialBalance } from '../../shared/ledger/trial-balance.ts';
import { log } from '../../shared/telemetry/log.ts';
import { pushMetrics } from '../../shared/telemetry/metrics.ts';

/** With the last page of the books it ends before the next tick, which goes on where this one stops. */
const LIMIT_MS = 40_000;

export default defineFunction({
  name: 'prove-books',
  summary: 'Prove that the ledger keeps its promises',
  uses: { database: 'auditor', kafka: true },
  event: {
    types: [SCHEDULE_TYPE],
    data: scheduleSchema,
    handle: async () => {
      await proveBooks();
      await pushMetrics();
    },
  },
});

async function proveBooks(): Promise<void> {
  const { accounts, legs, broken, isRoundComplete } = await continueTrialBalance(LIMIT_MS);
  const found = { accounts, legs, broken: broken.length, isRoundComplete };
  if (broken.length > 0) log.error(found, 'the books contradict themselves: see the findings');
  else log.info(found, 'the books are proven');
}
