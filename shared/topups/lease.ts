// Who works on a top-up at its provider: one at a time, found out by a number if a predecessor was only slow.

import { setTimeout as wait } from 'node:timers/promises';
import type { Key } from '../ledger/rules/words.ts';
import { query } from '../platform/database/database.ts';
import type { KeptAnswer } from '../platform/http/function.ts';
import { findAnswer } from '../wallet/idempotency.ts';

export interface Lease {
  operationId: string;
  number: number;
}

/** Longer than what is done under a lease (WORK_LIMIT_MS) with the statements around it. */
const LEASE_SECONDS = 30;
/** What is done under a lease at the provider takes no longer, and a request's answer is not later than the gateway waits. */
export const WORK_LIMIT_MS = 18_000;
const TURN_LIMIT_MS = 2_000;
const LOOK_EVERY_MS = 100;

/** The request that opened a top-up has its lease from the start. */
export function openersLease(operationId: string): Lease {
  return { operationId, number: 1 };
}

/** The lease, unless another process has it. */
export async function takeLease(operationId: string): Promise<Lease | undefined> {
  const [taken] = await query<{ lease: number }>({
    name: 'lease-take',
    text: `
      update topups set lease = lease + 1, leased_until = clock_timestamp() + make_interval(secs => $2)
       where operation_id = $1 and leased_until <= clock_timestamp() returning lease`,
    values: [operationId, LEASE_SECONDS],
  });
  return taken && { operationId, number: taken.lease };
}

/** The lease of a top-up that is due to be looked at. The next look is put off, twice as far each time, up to half an hour. */
export async function takeDueLease(): Promise<Lease | undefined> {
  const [taken] = await query<{ operation_id: string; lease: number }>({
    name: 'lease-take-due',
    text: `
      update topups set lease = lease + 1, leased_until = clock_timestamp() + make_interval(secs => $1), looks = looks + 1,
             look_at = now() + least(interval '2 minutes' * power(2, least(looks, 10)), interval '30 minutes')
       where operation_id = (
         select operation_id from topups where look_at <= now() and leased_until <= clock_timestamp()
          order by look_at limit 1 for update skip locked)
      returning operation_id, lease`,
    values: [LEASE_SECONDS],
  });
  return taken && { operationId: taken.operation_id, number: taken.lease };
}

/** Begins the lease's time anew; false when it has been lost. */
export async function renewLease({ operationId, number }: Lease): Promise<boolean> {
  const renewed = await query({
    name: 'lease-renew',
    text: `
      update topups set leased_until = clock_timestamp() + make_interval(secs => $3)
       where operation_id = $1 and lease = $2 returning 1`,
    values: [operationId, number, LEASE_SECONDS],
  });
  return renewed.length > 0;
}

export async function releaseLease({ operationId, number }: Lease): Promise<void> {
  await query({
    name: 'lease-release',
    text: 'update topups set leased_until = clock_timestamp() where operation_id = $1 and lease = $2',
    values: [operationId, number],
  });
}

/** Does the work, and gives the lease back. */
export async function withLease<Result>(lease: Lease | undefined, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } finally {
    if (lease) await releaseLease(lease);
  }
}

export type Turn = { answer: KeptAnswer } | { lease: Lease };

/**
 * Waits up to 2 s for a request that is running elsewhere: until it has its answer, or until no process works on its top-up any more and
 * the lease is ours. Undefined when neither happens.
 */
export async function waitForTurn(key: Key, operationId: string): Promise<Turn | undefined> {
  const end = performance.now() + TURN_LIMIT_MS;
  do {
    const lease = await takeLease(operationId);
    // Only now: the holder of the lease may have kept the answer with its last step.
    const answer = await findAnswer(key);
    if (answer && lease) await releaseLease(lease);
    if (answer) return { answer };
    if (lease) return { lease };
    await wait(LOOK_EVERY_MS);
  } while (performance.now() < end);
  return undefined;
}
