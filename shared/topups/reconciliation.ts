// Top-ups that are due to be looked at: answers that never came, wishes that could not be carried out, payers who never paid.

import { log } from '../platform/telemetry/log.ts';
import { reportStuck } from './findings.ts';
import { type Lease, takeDueLease, withLease } from './lease.ts';
import { pursue } from './pursue.ts';
import { readTopup } from './topup.ts';

/** Calls to providers at a time. */
const AT_ONCE = 5;

/**
 * Looks at every top-up that is due; no look begins after `limitMs`. Returns how many could not be looked at, which are logged and keep
 * no other from being looked at.
 */
export async function askAboutDue(limitMs: number, traceparent: string): Promise<number> {
  const end = performance.now() + limitMs;
  let failures = 0;
  const worker = async () => {
    while (performance.now() < end) {
      const lease = await takeDueLease();
      if (!lease) return;
      await withLease(lease, () => look(lease, traceparent)).catch((error) => {
        log.error({ error, operation: lease.operationId }, 'a top-up could not be looked at');
        failures++;
      });
    }
  };
  const workers = await Promise.allSettled(Array.from({ length: AT_ONCE }, worker));
  const broken = workers.find((result) => result.status === 'rejected');
  if (broken) throw broken.reason;
  return failures;
}

async function look(lease: Lease, traceparent: string): Promise<void> {
  const topup = await readTopup(lease.operationId);
  const trace = topup.attempt.traceparent ?? traceparent;
  const { name } = await pursue(topup, { aim: 'outcome', lease, traceparent: trace });
  if ((name === 'pending' || name === 'unknown') && topup.isOverdue) await reportStuck(topup, name);
}
