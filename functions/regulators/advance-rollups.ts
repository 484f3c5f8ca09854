// Every minute: advances the sums of reports to the point up to which the ledger cannot change any more.

import { everyMinute } from '../../shared/platform/events/schedule.ts';
import { defineFunction } from '../../shared/platform/http/function.ts';
import { log } from '../../shared/platform/telemetry/log.ts';
import { pushMetrics, setGauge } from '../../shared/platform/telemetry/metrics.ts';
import { advanceRollups, ageOfRollups } from '../../shared/regulators/rollups.ts';

/** The next run continues where this one stops. */
const LIMIT_MS = 20_000;

export default defineFunction({
  name: 'advance-rollups',
  summary: 'Advance the sums of reports',
  uses: { database: 'regulator' },
  event: {
    ...everyMinute,
    handle: async () => {
      const cut = await advanceRollups(LIMIT_MS);
      log.info({ cut }, 'advanced the sums of reports');
      setGauge('one_gate.report.age_seconds', await ageOfRollups());
      await pushMetrics();
    },
  },
});
