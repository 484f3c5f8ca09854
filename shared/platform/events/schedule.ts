// What a PingSource sends: a tick without content.

import * as v from 'valibot';

export const SCHEDULE_TYPE = 'dev.knative.sources.ping';
export const scheduleSchema = v.unknown();
