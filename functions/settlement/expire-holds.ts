// Every minute: releases the holds that have expired, so that their payers can spend the money again.

import { releaseExpired } from '../../shared/holds/expiry.ts';
import { everyMinute } from '../../shared/platform/events/schedule.ts';
import { defineFunction } from '../../shared/platform/http/function.ts';
import { log } from '../../shared/platform/telemetry/log.ts';
import { pushMetrics } from '../../shared/platform/telemetry/metrics.ts';

/** The last batch, too, ends before the next tick, which continues where this one stops. */
const LIMIT_MS = 40_000;

export default defineFunction({
  name: 'expire-holds',
  summary: 'Release expired holds',
  uses: { database: 'money', kafka: true },
  event: {
    ...everyMinute,
    handle: async (_event, trace) => {
      const expiry = await releaseExpired(LIMIT_MS, trace.traceparent);
      if (expiry.released > 0) log.info({ released: expiry.released }, 'released expired holds');
      if (expiry.left || expiry.refused > 0) log.warn(expiry, 'some expired holds are still open');
      await pushMetrics();
    },
  },
});
