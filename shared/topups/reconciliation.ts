// Top-ups that are due to be looked at: answers that never came, wishes that could not be carried out, payers who never paid.

import { reportFinding } from '../findings.ts';
import { log } from '../platform/telemetry/log.ts';
import { type Found, findOut } from './inquiry.ts';
import { type Lease, releaseLease, takeDueLease, WORK_LIMIT_MS } from './lease.ts';
import { readTopup, type Topup } from './topup.ts';

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
      await look(lease, traceparent).catch((error) => {
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
  try {
    const topup = await readTopup(lease.operationId);
    if (!topup) return;
    const asking = {
      traceparent: topup.attempt.traceparent ?? traceparent,
      signal: AbortSignal.timeout(WORK_LIMIT_MS),
    };
    const found = await findOut(topup, lease, asking);
    if (found !== 'ended' && topup.isOverdue) await reportStuck(topup, found);
  } finally {
    await releaseLease(lease);
  }
}

function reportStuck({ operationId, accountId, method, attempt }: Topup, found: Exclude<Found, 'ended'>) {
  const what = found === 'unknown' ? 'cannot say what became of' : 'has still not ended';
  return reportFinding({
    kind: 'topup_stuck',
    subject: operationId,
    operationId,
    detail: `${method} ${what} the payment ${attempt.reference} for account ${accountId}, an hour after it was asked for.`,
  });
}
