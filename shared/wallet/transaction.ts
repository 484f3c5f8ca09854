// The transaction object of the API: one leg, as its account's owner sees it.

import * as v from 'valibot';
import { operationOf, transactionId } from '../ledger/rules/ids.ts';
import type { Counterparty, OwnLeg } from '../ledger/rules/words.ts';
import { formatAmount } from '../money.ts';
import { parseText } from '../platform/http/json.ts';
import { type PaymentMethod, paymentMethodSchema } from '../providers/providers.ts';

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
      v.description('The id that people quote. Unique per leg.'),
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
    refund_of: v.nullable(v.pipe(v.string(), v.uuid(), v.description('The operation_id of the refunded payment.'))),
    expires_at: v.nullable(
      v.pipe(v.string(), v.isoTimestamp(), v.description('The end of a PENDING hold: it can be captured until then.')),
    ),
    created_at: time,
    updated_at: time,
  }),
  v.title('Transaction'),
);

export type Transaction = v.InferOutput<typeof transactionSchema>;

/**
 * A leg as plain data. It is kept with a key, and every answer is made from it. Amounts are decimal strings, times RFC
 * 3339; absent values are left out.
 */
export interface LegData {
  id: string;
  type: Transaction['type'];
  status: Transaction['status'];
  direction: Transaction['direction'];
  amount: string;
  currency: string;
  balanceBefore: string;
  balanceAfter: string;
  paymentMethod?: PaymentMethod | undefined;
  description?: string | undefined;
  externalReference?: string | undefined;
  counterparty?: Counterparty | undefined;
  /** JSON text. */
  metadata?: string | undefined;
  refundOf?: string | undefined;
  expiresAt?: string | undefined;
  createdAt: string;
  /** Left out if it equals `createdAt`. */
  updatedAt?: string | undefined;
}

const DIRECTION = { DEBIT: 'debit', CREDIT: 'credit' } as const;

export function legDataOf({ leg, counterparty, expiresAt }: OwnLeg): LegData {
  return {
    id: leg.id,
    type: leg.type,
    status: leg.status,
    direction: DIRECTION[leg.direction],
    amount: formatAmount(leg.amount),
    currency: leg.currency,
    balanceBefore: formatAmount(leg.balanceBefore),
    balanceAfter: formatAmount(leg.balanceAfter),
    paymentMethod: leg.paymentMethod ?? undefined,
    description: leg.description ?? undefined,
    externalReference: leg.externalReference ?? undefined,
    counterparty: counterparty ?? undefined,
    metadata: leg.metadata ?? undefined,
    refundOf: leg.refundOf ?? undefined,
    expiresAt: expiresAt?.toISOString(),
    createdAt: leg.createdAt.toISOString(),
    updatedAt: leg.updatedAt > leg.createdAt ? leg.updatedAt.toISOString() : undefined,
  };
}

export function transactionFrom(leg: LegData): Transaction {
  const { counterparty } = leg;
  return {
    id: leg.id,
    transaction_id: transactionId(leg.type, leg.id),
    operation_id: operationOf(leg.id),
    type: leg.type,
    status: leg.status,
    direction: leg.direction,
    amount: leg.amount,
    currency: leg.currency,
    balance_before: leg.balanceBefore,
    balance_after: leg.balanceAfter,
    payment_method: leg.paymentMethod ?? null,
    description: leg.description ?? null,
    external_reference: leg.externalReference ?? null,
    counterparty: counterparty
      ? { account_id: counterparty.accountId, username: counterparty.username, type: counterparty.type }
      : null,
    metadata: leg.metadata === undefined ? null : (parseText(leg.metadata) as Transaction['metadata']),
    refund_of: leg.refundOf ?? null,
    expires_at: leg.expiresAt ?? null,
    created_at: leg.createdAt,
    updated_at: leg.updatedAt ?? leg.createdAt,
  };
}

export function transactionOf(own: OwnLeg): Transaction {
  return transactionFrom(legDataOf(own));
}
