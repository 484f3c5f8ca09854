// Every minute: publishes the outbox events that an instance left behind when it died or could not reach Kafka.

import { leaseFromOutbox } from '../../shared/platform/events/outbox.ts';
import { send } from '../../shared/platform/events/publisher.ts';
import { everyMinute } from '../../shared/platform/events/schedule.ts';
import { defineFunction } from '../../shared/platform/http/function.ts';
import { log } from '../../shared/platform/telemetry/log.ts';

const AT_ONCE = 500;
/** The instance that committed a younger event is still publishing it. */
const OLDER_THAN_SECONDS = 10;
/** Longer than a send can take, so that no two runs send the same event at the same time. */
const LEASE_SECONDS = 60;
/** The next tick continues where this one stops. */
const LIMIT_MS = 45_000;

export default defineFunction({
  name: 'relay-outbox',
  summary: 'Publish the events left in the outbox',
  uses: { database: 'money', kafka: true },
  event: {
    ...everyMinute,
    handle: async () => {
      const end = performance.now() + LIMIT_MS;
      let relayed = 0;
      while (performance.now() < end) {
        const events = await leaseFromOutbox(AT_ONCE, OLDER_THAN_SECONDS, LEASE_SECONDS);
        if (events.length === 0) break;
        relayed += await send(events);
      }
      if (relayed > 0) log.info({ relayed }, 'published events left in the outbox');
    },
  },
});
