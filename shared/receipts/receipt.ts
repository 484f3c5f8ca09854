// A receipt: a signed statement about one transaction, which one party can show to others and which is checked without
// us.

import * as v from 'valibot';
import { maskName } from '../ledger/reading/payees.ts';
import { publicUrl } from '../platform/environment.ts';
import { CompactSign } from '../platform/packages/jose.ts';
import { titleOf } from '../providers/providers.ts';
import { type Transaction, transactionSchema } from '../wallet/transaction.ts';
import { signingKey } from './signing-keys.ts';

const TYPE = 'receipt+jwt';
export const RECEIPT_KEYS_PATH = '/.well-known/receipt-keys.json';

/** The party that the receipt is for. */
export interface Holder {
  accountId: string;
  username: string;
  type: 'user' | 'merchant';
}

const { entries: tx } = transactionSchema.pipe[0];
const time = v.pipe(v.string(), v.isoTimestamp(), v.description('UTC, RFC 3339.'));

/** The content of a receipt. It has no balances, descriptions or metadata, because it is shown to others. */
export const receiptSchema = v.pipe(
  v.object({
    iss: v.pipe(v.string(), v.description('The signer: this platform’s address, without a slash at the end.')),
    iat: v.pipe(v.number(), v.description('`settled_at` in Unix seconds.')),
    jti: v.pipe(v.string(), v.uuid(), v.description("The receipt's id: the id of the transaction's leg.")),
    sub: v.pipe(v.string(), v.uuid(), v.description('The account whose receipt it is.')),
    transaction_id: tx.transaction_id,
    operation_id: tx.operation_id,
    type: tx.type,
    status: v.literal('SUCCESS'),
    direction: tx.direction,
    amount: tx.amount,
    currency: tx.currency,
    payment_method: tx.payment_method,
    external_reference: tx.external_reference,
    refund_of: tx.refund_of,
    party: v.object({ account_id: v.string(), username: v.string(), type: v.picklist(['user', 'merchant']) }),
    counterparty: v.nullable(
      v.object({
        account_id: v.string(),
        masked_name: v.pipe(v.nullable(v.string()), v.examples(['w****g s**i'])),
        type: v.picklist(['user', 'merchant', 'system']),
      }),
    ),
    created_at: time,
    settled_at: time,
    statement: v.pipe(
      v.string(),
      v.description('The content as one sentence, for people.'),
      v.examples(['siti.rahayu paid IDR 150000.00 to w****g s**i on 2026-11-20T04:05:06.789Z (PAY-01A192E7...).']),
    ),
  }),
  v.title('Receipt'),
);

export type Receipt = v.InferOutput<typeof receiptSchema>;

/** The receipt's content. Undefined before the transaction has succeeded, since only then it is final. */
export function receiptOf(transaction: Transaction, holder: Holder): Receipt | undefined {
  const { id, status, counterparty, created_at, updated_at: settled_at } = transaction;
  if (status !== 'SUCCESS') return undefined;
  const masked = counterparty && {
    account_id: counterparty.account_id,
    masked_name: counterparty.username === null ? null : maskName(counterparty.username),
    type: counterparty.type,
  };
  return {
    iss: publicUrl(),
    // The time of settlement, not of the request, so that a transaction's receipt stays the same, byte for byte, as
    // long as the same key signs.
    iat: Math.floor(Date.parse(settled_at) / 1000),
    jti: id,
    sub: holder.accountId,
    transaction_id: transaction.transaction_id,
    operation_id: transaction.operation_id,
    type: transaction.type,
    status,
    direction: transaction.direction,
    amount: transaction.amount,
    currency: transaction.currency,
    payment_method: transaction.payment_method,
    external_reference: transaction.external_reference,
    refund_of: transaction.refund_of,
    party: { account_id: holder.accountId, username: holder.username, type: holder.type },
    counterparty: masked,
    created_at,
    settled_at,
    statement: statementOf(transaction, holder.username, masked?.masked_name ?? null),
  };
}

const GIVEN = { TOPUP: 'paid out', PAYMENT: 'paid', REFUND: 'gave back', TRANSFER: 'sent' } as const;
const TAKEN = { TOPUP: 'topped up with', PAYMENT: 'was paid', REFUND: 'was given back', TRANSFER: 'was sent' } as const;

function statementOf(transaction: Transaction, name: string, other: string | null): string {
  const { type, direction, amount, currency, payment_method, updated_at, transaction_id } = transaction;
  const verb = (direction === 'debit' ? GIVEN : TAKEN)[type];
  const who = other ?? (payment_method ? titleOf(payment_method) : 'One Gate');
  const between = `${direction === 'debit' ? 'to' : 'from'} ${who}`;
  return `${name} ${verb} ${currency} ${amount} ${between} on ${updated_at} (${transaction_id}).`;
}

/** The receipt as a compact JWS (RFC 7515), EdDSA with Ed25519. */
export async function signReceipt(receipt: Receipt): Promise<string> {
  const { kid, key } = await signingKey();
  return new CompactSign(new TextEncoder().encode(JSON.stringify(receipt)))
    .setProtectedHeader({ alg: 'EdDSA', typ: TYPE, kid })
    .sign(key);
}
