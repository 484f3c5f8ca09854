// Every minute: chains the access log by hash and signs the heads of the chains, so that a change to a row is noticed.

import { everyMinute } from '../../shared/platform/events/schedule.ts';
import { defineFunction } from '../../shared/platform/http/function.ts';
import { log } from '../../shared/platform/telemetry/log.ts';
import { pushMetrics, setGauge } from '../../shared/platform/telemetry/metrics.ts';
import { chainAccesses, signHeads } from '../../shared/regulators/access-chain.ts';

const LIMIT_MS = 10_000;

export default defineFunction({
  name: 'chain-access-log',
  summary: 'Chain the access log of regulators by hash, and sign its heads',
  uses: { database: 'regulator', receipts: 'sign' },
  event: {
    ...everyMinute,
    handle: async () => {
      const chained = await chainAccesses(LIMIT_MS);
      const heads = await signHeads();
      setGauge('one_gate.access_log.chained', chained);
      if (chained > 0) log.info({ chained, heads }, 'chained the access log');
      await pushMetrics();
    },
  },
});
