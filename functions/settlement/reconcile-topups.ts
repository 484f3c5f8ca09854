// Every minute: asks providers what became of the top-ups that are due, since a notification may never come.

import { everyMinute } from '../../shared/platform/events/schedule.ts';
import { defineFunction } from '../../shared/platform/http/function.ts';
import { Problem } from '../../shared/platform/http/problem.ts';
import { pushMetrics } from '../../shared/platform/telemetry/metrics.ts';
import { askAboutDue } from '../../shared/topups/reconciliation.ts';

/** With the last look at a provider it ends before the next tick, which goes on where this one stops. */
const LIMIT_MS = 30_000;

export default defineFunction({
  name: 'reconcile-topups',
  summary: 'Ask providers about the top-ups that are due',
  uses: { database: 'money', kafka: true, providers: true },
  event: {
    ...everyMinute,
    handle: async (_event, trace) => {
      const failures = await askAboutDue(LIMIT_MS, trace.traceparent);
      await pushMetrics();
      if (failures > 0)
        throw new Problem('service_unavailable', { detail: 'The next run does what this one could not.' });
    },
  },
});
