// Every minute: makes the partitions of the coming months, and removes expired keys, tokens and sessions.

import { keepLedger } from '../../shared/ledger/posting/upkeep.ts';
import { everyMinute } from '../../shared/platform/events/schedule.ts';
import { defineFunction } from '../../shared/platform/http/function.ts';
import { log } from '../../shared/platform/telemetry/log.ts';
import { keepSessions } from '../../shared/sessions/upkeep.ts';

/** Bounds the removal of keys. The next tick continues where this one stops. */
const LIMIT_MS = 30_000;

export default defineFunction({
  name: 'keep-house',
  summary: 'Remove expired rows and make partitions',
  uses: { database: 'housekeeper', redis: true },
  event: {
    ...everyMinute,
    handle: keepHouse,
  },
});

async function keepHouse(): Promise<void> {
  const ledger = await keepLedger(LIMIT_MS);
  const { removed } = await keepSessions();
  if (ledger.partitionsMade + ledger.keysRemoved + removed > 0) {
    log.info({ ...ledger, sessionsRemoved: removed }, 'removed expired rows and made partitions');
  }
}
