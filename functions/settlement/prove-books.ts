// Every minute: proves the books from where the last run stopped. Its database role cannot move money.

import { continueTrialBalance } from '../../shared/ledger/proof/trial-balance.ts';
import { everyMinute } from '../../shared/platform/events/schedule.ts';
import { defineFunction } from '../../shared/platform/http/function.ts';
import { log } from '../../shared/platform/telemetry/log.ts';
import { pushMetrics } from '../../shared/platform/telemetry/metrics.ts';

/** The last page, too, ends before the next tick, which continues where this one stops. */
const LIMIT_MS = 40_000;

export default defineFunction({
  name: 'prove-books',
  summary: 'Prove that the ledger keeps its promises',
  uses: { database: 'auditor', kafka: true },
  event: {
    ...everyMinute,
    handle: async () => {
      await proveBooks();
      await pushMetrics();
    },
  },
});

async function proveBooks(): Promise<void> {
  const { accounts, legs, broken, isRoundComplete } = await continueTrialBalance(LIMIT_MS);
  const found = { accounts, legs, broken: broken.length, isRoundComplete };
  if (broken.length > 0) log.error(found, 'the books are wrong: see the findings');
  else log.info(found, 'the books are proven');
}
