// A top-up as it is in the database: its leg, the owner's wish, and the attempt in question.

import { CREDIT_PLACE, legId, transactionId } from '../ledger/rules/ids.ts';
import type { Leg, TransactionStatus } from '../ledger/rules/words.ts';
import { parseAmount } from '../money.ts';
import { query } from '../platform/database/database.ts';
import type { PaymentMethod } from '../providers/providers.ts';

export interface Attempt {
  /** Ours, known to the provider. */
  reference: string;
  number: number;
  state: 'REQUESTED' | 'ACCEPTED' | 'PAID' | 'DEAD';
  providerReference: string | undefined;
  endedAs: AttemptEnd | undefined;
  /** The provider's answer was read and given to the owner. */
  wasAccepted: boolean;
  /** Of the request that was told of its acceptance. */
  traceparent: string | null;
  expiresAt: Date;
  isExpired: boolean;
  /** Long enough past its expiry that no request for it can still arrive. */
  isOver: boolean;
  /** No later attempt has been made. */
  isLatest: boolean;
}

/** `given_up`: the provider has cancelled it because we asked, though not for the owner. */
export type AttemptEnd = 'refused' | 'cancelled' | 'given_up' | 'failed' | 'not_found' | 'refunded';

export interface Topup {
  operationId: string;
  accountId: string;
  method: PaymentMethod;
  /** Minor units. */
  amount: bigint;
  currency: string;
  status: TransactionStatus;
  legNumber: string;
  isCancelRequested: boolean;
  /** Its owner has had time to ask again. */
  isOld: boolean;
  /** It should have come to its end long ago. */
  isOverdue: boolean;
  /** The latest, or the one that was asked for. */
  attempt: Attempt;
}

/** How long a payer has at the provider. */
export const VALID_MINUTES = 15;

/** At most 64 characters, unique for ever, and known as soon as the operation is. */
export function attemptReference(operationId: string, number: number): string {
  return `${transactionId('TOPUP', legId(operationId, CREDIT_PLACE))}-${number}`;
}

/** A new top-up, as the database has it with its PENDING leg: its first attempt has not been sent yet. */
export function openedTopup({ operationId, accountId, paymentMethod, ...leg }: Leg): Topup {
  return {
    operationId,
    accountId,
    method: paymentMethod as PaymentMethod,
    amount: leg.amount,
    currency: leg.currency,
    status: leg.status,
    legNumber: leg.legNumber.toString(),
    isCancelRequested: false,
    isOld: false,
    isOverdue: false,
    attempt: newAttempt({
      reference: attemptReference(operationId, 1),
      number: 1,
      expiresAt: new Date(leg.createdAt.getTime() + VALID_MINUTES * 60_000),
    }),
  };
}

/** An attempt that has not been sent yet. */
export function newAttempt(its: Pick<Attempt, 'reference' | 'number' | 'expiresAt'>): Attempt {
  return {
    ...its,
    state: 'REQUESTED',
    providerReference: undefined,
    endedAs: undefined,
    wasAccepted: false,
    traceparent: null,
    isExpired: false,
    isOver: false,
    isLatest: true,
  };
}

/** The top-up with its latest attempt, or with the one that has this reference. Throws when there is no such thing. */
export async function readTopup(operationId: string, reference?: string): Promise<Topup> {
  const [row] = await query<TopupRow>({
    name: 'topup-read',
    text: `
      select topup.operation_id, topup.cancel_requested_at is not null as is_cancel_requested,
             topup.created_at < now() - interval '2 minutes' as is_old,
             topup.created_at < now() - interval '1 hour' as is_overdue,
             leg.account_id, leg.payment_method, leg.amount, leg.currency, leg.transaction_status, leg.leg_number,
             attempt.reference, attempt.number, attempt.state, attempt.provider_reference, attempt.ended_as, attempt.traceparent,
             attempt.expires_at, attempt.accepted_at is not null as was_accepted, attempt.expires_at <= now() as is_expired,
             attempt.expires_at < now() - interval '5 minutes' as is_over,
             attempt.number = (select max(number) from topup_attempts where operation_id = topup.operation_id) as is_latest
        from topups topup
        join historical_transactions leg on leg.id = $2
       cross join lateral (
          select * from topup_attempts
           where operation_id = topup.operation_id and reference = coalesce($3, reference)
           order by number desc limit 1) attempt
       where topup.operation_id = $1`,
    values: [operationId, legId(operationId, CREDIT_PLACE), reference ?? null],
  });
  if (!row) throw new Error(`top-up ${operationId} is not in the database`);
  return topupOf(row);
}

/** The operation that the attempt with this reference belongs to. */
export async function operationOfAttempt(reference: string): Promise<string | undefined> {
  const [row] = await query<{ operation_id: string }>({
    name: 'attempt-operation',
    text: 'select operation_id from topup_attempts where reference = $1',
    values: [reference],
  });
  return row?.operation_id;
}

interface TopupRow {
  [column: string]: unknown;
  operation_id: string;
  is_cancel_requested: boolean;
  is_old: boolean;
  is_overdue: boolean;
  account_id: string;
  payment_method: PaymentMethod;
  amount: string;
  currency: string;
  transaction_status: TransactionStatus;
  leg_number: string;
  reference: string;
  number: number;
  state: Attempt['state'];
  provider_reference: string | null;
  ended_as: AttemptEnd | null;
  traceparent: string | null;
  expires_at: Date;
  was_accepted: boolean;
  is_expired: boolean;
  is_over: boolean;
  is_latest: boolean;
}

function topupOf(row: TopupRow): Topup {
  return {
    operationId: row.operation_id,
    accountId: row.account_id,
    method: row.payment_method,
    amount: parseAmount(row.amount),
    currency: row.currency,
    status: row.transaction_status,
    legNumber: row.leg_number,
    isCancelRequested: row.is_cancel_requested,
    isOld: row.is_old,
    isOverdue: row.is_overdue,
    attempt: attemptOf(row),
  };
}

function attemptOf(row: TopupRow): Attempt {
  return {
    reference: row.reference,
    number: row.number,
    state: row.state,
    providerReference: row.provider_reference ?? undefined,
    endedAs: row.ended_as ?? undefined,
    wasAccepted: row.was_accepted,
    traceparent: row.traceparent,
    expiresAt: row.expires_at,
    isExpired: row.is_expired,
    isOver: row.is_over,
    isLatest: row.is_latest,
  };
}
