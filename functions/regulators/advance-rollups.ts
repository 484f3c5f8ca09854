// Every minute: brings the sums of reports forward, up to where nothing in the ledger can change any more.

import { EVERY_MINUTE, SCHEDULE_TYPE, scheduleSchema } from '../../shared/platform/events/schedule.ts';
import { defineFunction } from '../../shared/platform/http/function.ts';
import { log } from '../../shared/platform/telemetry/log.ts';
import { pushMetrics, setGauge } from '../../shared/platform/telemetry/metrics.ts';
import { advanceRollups, ageOfRollups } from '../../shared/regulators/rollups.ts';

/** The next run goes on where this one stops. */
const LIMIT_MS = 20_000;

export default defineFunction({
  name: 'advance-rollups',
  summary: 'Bring the sums of reports forward',
  uses: { database: 'regulator' },
  event: {
    source: EVERY_MINUTE,
    types: [SCHEDULE_TYPE],
    data: scheduleSchema,
    handle: async () => {
      const cut = await advanceRollups(LIMIT_MS);
      log.info({ cut }, 'the sums of reports are brought forward');
      setGauge('one_gate.report.age_seconds', await ageOfRollups());
      await pushMetrics();
    },
  },
});
