// The event of a PingSource: a tick without content.

import * as v from 'valibot';

export const SCHEDULE_TYPE = 'dev.knative.sources.ping';

/**
 * For the `event` of a function that runs every minute. A run ends before the next one begins, because the timeout of
 * its Service is below a minute. Two runs at once do no harm.
 */
export const everyMinute = {
  source: { schedule: '* * * * *' },
  types: [SCHEDULE_TYPE],
  data: v.unknown(),
};
