// The transaction object of the API: one leg, as its account's owner sees it.

import * as v from 'valibot';
import { formatAmount } from '../money.ts';
import { paymentMethodSchema } from '../providers/providers.ts';
import { transactionId } from './ids.ts';
import type { Leg } from './posting.ts';

const amount = v.pipe(
  v.string(),
  v.description('A decimal string with two decimals, in `currency`.'),
  v.examples(['150000.00']),
);
const time = v.pipe(
  v.string(),
  v.isoTimestamp(),
  v.description('UTC, RFC 3339.'),
  v.examples(['2026-11-20T04:05:06.789Z']),
);

const counterpartySchema = v.pipe(
  v.object({
    account_id: v.string(),
    username: v.nullable(v.string()),
    type: v.picklist(['user', 'merchant', 'system']),
  }),
  v.title('Counterparty'),
);

/** `tx` of the API. */
export const transactionSchema = v.pipe(
  v.object({
    id: v.pipe(v.string(), v.uuid(), v.description("The leg's id.")),
    transaction_id: v.pipe(
      v.string(),
      v.description('What people quote; unique per leg.'),
      v.examples(['PAY-01A192E762807ABC8DEF012345678901']),
    ),
    operation_id: v.pipe(v.string(), v.uuid(), v.description('Shared by all legs of one movement.')),
    type: v.picklist(['TOPUP', 'PAYMENT', 'REFUND', 'TRANSFER']),
    status: v.picklist(['PENDING', 'SUCCESS', 'FAILED', 'CANCELLED']),
    direction: v.picklist(['debit', 'credit']),
    amount,
    currency: v.pipe(v.string(), v.examples(['IDR'])),
    balance_before: amount,
    balance_after: amount,
    payment_method: v.nullable(paymentMethodSchema),
    description: v.nullable(v.string()),
    external_reference: v.nullable(
      v.pipe(v.string(), v.description("The merchant's or the provider's own reference.")),
    ),
    counterparty: v.nullable(counterpartySchema),
    metadata: v.nullable(v.record(v.string(), v.string())),
    refund_of: v.nullable(
      v.pipe(v.string(), v.uuid(), v.description('The operation_id of the payment that is given back.')),
    ),
    expires_at: v.nullable(
      v.pipe(v.string(), v.isoTimestamp(), v.description('Of a hold that is PENDING: until then it can be captured.')),
    ),
    created_at: time,
    updated_at: time,
  }),
  v.title('Transaction'),
);

export type Transaction = v.InferOutput<typeof transactionSchema>;
export type Counterparty = v.InferOutput<typeof counterpartySchema>;

const DIRECTION = { DEBIT: 'debit', CREDIT: 'credit' } as const;

/** `expiresAt`: of the hold, while it is PENDING. */
export function transactionOf(leg: Leg, counterparty: Counterparty | null, expiresAt: Date | null = null): Transaction {
  return {
    id: leg.id,
    transaction_id: transactionId(leg.type, leg.id),
    operation_id: leg.operationId,
    type: leg.type,
    status: leg.status,
    direction: DIRECTION[leg.direction],
    amount: formatAmount(leg.amount),
    currency: leg.currency,
    balance_before: formatAmount(leg.balanceBefore),
    balance_after: formatAmount(leg.balanceAfter),
    payment_method: leg.paymentMethod,
    description: leg.description,
    external_reference: leg.externalReference,
    counterparty,
    metadata: leg.metadata === null ? null : JSON.parse(leg.metadata),
    refund_of: leg.refundOf,
    expires_at: expiresAt?.toISOString() ?? null,
    created_at: leg.createdAt.toISOString(),
    updated_at: leg.updatedAt.toISOString(),
  };
}
