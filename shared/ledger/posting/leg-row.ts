// A row of historical_transactions as a leg.

import { parseAmount } from '../../money.ts';
import type { PaymentMethod } from '../../providers/providers.ts';
import type { Direction, Leg, TransactionStatus, TransactionType } from '../rules/words.ts';

export const LEG_COLUMNS = `id, operation_id, account_id, user_id, leg_number, transaction_type, transaction_status, direction, amount,
  balance_before, balance_after, currency, counterparty_id, description, external_reference, payment_method, metadata, refund_of, created_at, updated_at`;

export interface LegRow {
  id: string;
  operation_id: string;
  account_id: string;
  user_id: string | null;
  leg_number: string;
  transaction_type: TransactionType;
  transaction_status: TransactionStatus;
  direction: Direction;
  amount: string;
  balance_before: string;
  balance_after: string;
  currency: string;
  counterparty_id: string | null;
  description: string | null;
  external_reference: string | null;
  payment_method: PaymentMethod | null;
  metadata: string | null;
  refund_of: string | null;
  created_at: Date;
  updated_at: Date;
}

export function legOf(row: LegRow): Leg {
  return {
    id: row.id,
    operationId: row.operation_id,
    accountId: row.account_id,
    userId: row.user_id,
    legNumber: BigInt(row.leg_number),
    type: row.transaction_type,
    status: row.transaction_status,
    direction: row.direction,
    amount: parseAmount(row.amount),
    balanceBefore: parseAmount(row.balance_before),
    balanceAfter: parseAmount(row.balance_after),
    currency: row.currency,
    counterpartyId: row.counterparty_id,
    description: row.description,
    externalReference: row.external_reference,
    paymentMethod: row.payment_method,
    metadata: row.metadata,
    refundOf: row.refund_of,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}
