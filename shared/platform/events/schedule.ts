// The event of a PingSource: a tick without content.

import * as v from 'valibot';

/**
 * A run ends before the next one begins, because the timeout of its Service is below a minute. Two runs at once do no
 * harm.
 */
export const EVERY_MINUTE = { schedule: '* * * * *' };
export const SCHEDULE_TYPE = 'dev.knative.sources.ping';
export const scheduleSchema = v.unknown();
