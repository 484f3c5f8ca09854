// Every minute: makes the partitions of the coming months, and removes keys, tokens and sessions that have expired.

import { keepLedger } from '../../shared/ledger/posting/upkeep.ts';
import { EVERY_MINUTE, SCHEDULE_TYPE, scheduleSchema } from '../../shared/platform/events/schedule.ts';
import { defineFunction } from '../../shared/platform/http/function.ts';
import { log } from '../../shared/platform/telemetry/log.ts';
import { keepSessions } from '../../shared/sessions/upkeep.ts';

/** For the keys; the next tick goes on where this one stops. */
const LIMIT_MS = 30_000;

export default defineFunction({
  name: 'keep-house',
  summary: 'Remove what has expired, and make room for what comes',
  uses: { database: 'housekeeper', redis: true },
  event: {
    source: EVERY_MINUTE,
    types: [SCHEDULE_TYPE],
    data: scheduleSchema,
    handle: keepHouse,
  },
});

async function keepHouse(): Promise<void> {
  const ledger = await keepLedger(LIMIT_MS);
  const { removed } = await keepSessions();
  if (ledger.partitionsMade + ledger.keysRemoved + removed > 0) {
    log.info({ ...ledger, sessionsRemoved: removed }, 'the house is kept');
  }
}
