// For every event about top-ups from Kafka: a notified one is asked about at its provider, and what is true is posted.

import * as v from 'valibot';
import { defineFunction } from '../../shared/platform/http/function.ts';
import { Problem } from '../../shared/platform/http/problem.ts';
import { log } from '../../shared/platform/telemetry/log.ts';
import { NOTIFIED, TOPUP_EVENT_TYPES } from '../../shared/topups/events.ts';
import { takeLease, withLease } from '../../shared/topups/lease.ts';
import { pursue } from '../../shared/topups/pursue.ts';
import { operationOfAttempt, readTopup } from '../../shared/topups/topup.ts';

export default defineFunction({
  name: 'settle-topup',
  summary: 'Settle a top-up that the provider has news of',
  uses: { database: 'money', kafka: true, providers: true },
  event: {
    // A source delivers all of its topic; what is of no use here is simply done with.
    types: TOPUP_EVENT_TYPES,
    data: v.object({ reference: v.optional(v.string()), state: v.optional(v.string()) }),

    handle: async ({ id, type, data: { reference, state } }, trace) => {
      if (type !== NOTIFIED) return;
      // Nothing else of the event is believed: it may be old, or made up.
      const operationId = reference && (await operationOfAttempt(reference));
      if (!operationId)
        return log.warn({ event: id, reference }, 'an event tells of a payment that we never asked for');
      const topup = await readTopup(operationId, reference);
      if (topup.attempt.state === 'PAID' && state !== 'refunded') return;
      const lease = await takeLease(operationId);
      const { name } = await withLease(lease, async () =>
        // News of an earlier attempt can bring money, but cannot end the top-up.
        pursue(await readTopup(operationId, reference), { aim: 'outcome', lease, traceparent: trace.traceparent }),
      );
      if (name === 'unknown') {
        throw new Problem('service_unavailable', { detail: 'The provider cannot say what became of the payment.' });
      }
    },
  },
});
