// Attempts to have a top-up paid: what is written before, and after, the provider is asked.

import { resolveFindings, tell } from '../findings.ts';
import { CREDIT_PLACE, legId } from '../ledger/rules/ids.ts';
import type { Key } from '../ledger/rules/words.ts';
import { type Query, query, transaction } from '../platform/database/database.ts';
import type { WalletData } from '../wallet/answer.ts';
import type { Lease } from './lease.ts';
import { type Attempt, type AttemptEnd, attemptReference, newAttempt, type Topup, VALID_MINUTES } from './topup.ts';

/**
 * The next attempt after those that are dead, committed before the provider hears of it. Undefined when there must be none: the lease is
 * lost, the top-up has ended, or its owner wants it cancelled.
 */
export async function addAttempt(lease: Lease, topup: Topup): Promise<Attempt | undefined> {
  const number = topup.attempt.number + 1;
  const reference = attemptReference(topup.operationId, number);
  const [added] = await query<{ expires_at: Date }>({
    name: 'attempt-add',
    // Locked, so that a lease which is being taken over right now is seen as lost.
    text: `
      insert into topup_attempts (reference, operation_id, number, expires_at)
      select $3, topup.operation_id, $4, now() + make_interval(mins => $5)
        from topups topup join historical_transactions leg on leg.id = $6
       where topup.operation_id = $1 and topup.lease = $2 and topup.leased_until > clock_timestamp()
         and topup.cancel_requested_at is null and leg.transaction_status = 'PENDING'
         for no key update of topup
      returning expires_at`,
    values: [topup.operationId, lease.number, reference, number, VALID_MINUTES, legId(topup.operationId, CREDIT_PLACE)],
  });
  return added && newAttempt({ reference, number, expiresAt: added.expires_at });
}

/**
 * Ends the request: what it is answered with is kept with the key, the accepted attempt is noted, and the lease given back, all or nothing. False when
 * the lease was lost or the key has a result.
 */
export async function answerRequest(
  lease: Lease,
  key: Key,
  data: WalletData,
  accepted?: { reference: string; providerReference: string; traceparent: string },
): Promise<boolean> {
  const kept = await query({
    name: 'topup-answer',
    text: `
      with mine as (
        update topups set leased_until = clock_timestamp() where operation_id = $1 and lease = $2 returning 1
      ), accepted as (
        update topup_attempts
           set state = case state when 'REQUESTED' then 'ACCEPTED' else state end, provider_reference = $4, traceparent = $8,
               accepted_at = now(), updated_at = now()
         where reference = $3 and exists (select from mine)
      )
      update idempotency_keys set result = $7
       where account_id = $5 and key = $6 and result is null and answer is null and exists (select from mine)
      returning 1`,
    values: [
      lease.operationId,
      lease.number,
      accepted?.reference ?? null,
      accepted?.providerReference ?? null,
      key.accountId,
      key.key,
      JSON.stringify(data),
      accepted?.traceparent ?? null,
    ],
  });
  return kept.length > 0;
}

/**
 * Writes down that the owner wants a PENDING top-up cancelled. reconcile-topups carries it out unless another function does before.
 */
export async function requestCancellation(query: Query, operationId: string): Promise<void> {
  await query({
    text: `
      update topups
         set cancel_requested_at = coalesce(cancel_requested_at, now()), look_at = least(look_at, now() + interval '30 seconds')
       where operation_id = $1 and exists (
         select from historical_transactions where id = $2 and transaction_status = 'PENDING')`,
    values: [operationId, legId(operationId, CREDIT_PLACE)],
  });
}

/** The provider cannot take this payment any more. Never overwrites PAID, and does nothing when the lease is lost. */
export async function markDead(lease: Lease, { reference }: Attempt, endedAs: AttemptEnd): Promise<void> {
  await query({
    name: 'attempt-dead',
    // Locked for the same reason as above: the successor may be sending this attempt again.
    text: `
      with mine as (select operation_id from topups where operation_id = $3 and lease = $4 for no key update)
      update topup_attempts set state = 'DEAD', ended_as = $2, updated_at = now()
       where reference = $1 and state in ('REQUESTED', 'ACCEPTED') and operation_id in (select operation_id from mine)`,
    values: [reference, endedAs, lease.operationId, lease.number],
  });
}

/** What was paid has been posted. */
export async function markPaid({ reference }: Attempt, providerReference: string | undefined): Promise<void> {
  await query({
    name: 'attempt-paid',
    text: `
      update topup_attempts
         set state = 'PAID', ended_as = null, provider_reference = coalesce($2, provider_reference), updated_at = now()
       where reference = $1 and state <> 'PAID'`,
    values: [reference, providerReference ?? null],
  });
}

/** Nothing is left to find out, unless an attempt may still be paid. What was said about its being stuck is settled with that. */
export async function stopLooking(operationId: string): Promise<void> {
  const events = await transaction(async (query) => {
    const stopped = await query({
      name: 'topup-stop-looking',
      text: `
        update topups set look_at = null
         where operation_id = $1 and not exists (
           select from topup_attempts where operation_id = $1 and state in ('REQUESTED', 'ACCEPTED'))
        returning 1`,
      values: [operationId],
    });
    return stopped.length > 0 ? resolveFindings(query, 'topup_stuck', { subject: operationId }) : [];
  });
  tell(events);
}
