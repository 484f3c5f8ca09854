// POST /v1/pay the plain way, to compare with: a transaction per request, a row lock, one statement per kind of row (accounts
// change with their legs), COMMIT. Host,
// caller, validation, answer, event and publisher are those of functions/wallet/pay.ts, so that only the ledger differs. Where the
// comparison leaves a choice it is made in favour of the plain way: prepared statements, accounts locked in one order, and the key is
// found to be used by its insert instead of by a query of its own.

import pay from '../../functions/wallet/pay.ts';
import { movementEvent } from '../../shared/ledger/posting/movement-event.ts';
import { CREDIT_PLACE, DEBIT_PLACE, legId, newOperationId } from '../../shared/ledger/rules/ids.ts';
import type { Account, Direction, Leg } from '../../shared/ledger/rules/words.ts';
import { CURRENCY, formatAmount, type Money, money, parseAmount } from '../../shared/money.ts';
import { query, transaction } from '../../shared/platform/database/database.ts';
import { publish } from '../../shared/platform/events/publisher.ts';
import { defineFunction, type KeptAnswer } from '../../shared/platform/http/function.ts';
import type { Idempotency } from '../../shared/platform/http/idempotency.ts';
import { Problem } from '../../shared/platform/http/problem.ts';
import { payeeOf } from '../../shared/wallet/payee.ts';
import { transactionOf } from '../../shared/wallet/transaction.ts';

type PayRequest = {
  caller: { accountId: string };
  body: { amount: Money; to: { username?: string; account_id?: string }; reference?: string; description?: string };
  idempotency: Idempotency;
  trace: { traceparent: string };
};

const http = pay.http;
if (!http) throw new Error('pay has no HTTP trigger');

export default defineFunction({
  ...pay,
  name: 'plain-pay',
  http: {
    ...http,
    handle: async ({ caller, body, idempotency, trace }: PayRequest) => {
      const payee = await payeeOf(body.to);
      const payer = caller.accountId;
      const { key, request } = idempotency;
      const operationId = newOperationId();
      const paid = await transaction(async (query) => {
        const rows = await query<AccountRow>({ ...LOCK, values: [payer, payee.accountId] });
        const [debit, credit] = move(rows, payer, payee.accountId, operationId, body);
        const answer = {
          status: 201,
          body: JSON.stringify({ transaction: transactionOf({ leg: debit, counterparty: payee, expiresAt: null }) }),
        };
        const event = movementEvent('one-gate.payment.succeeded', 'pay', [debit, credit], trace.traceparent);
        await query({ ...WRITE_LEGS, values: [...columnsOf(debit), ...columnsOf(credit)] });
        const kept = await query({
          ...WRITE_KEY,
          values: [payer, key, 'pay', request, operationId, answer.status, answer.body],
        });
        if (kept.length === 0) throw new KeySeen();
        const { id, topic, type, source, subject, partitionKey, sequence, data, traceparent } = event;
        await query({
          ...WRITE_EVENT,
          values: [id, topic, type, source, subject, partitionKey, sequence, data, traceparent],
        });
        return { answer, event };
      }).catch((error) => {
        if (error instanceof KeySeen) return undefined;
        throw error;
      });
      if (!paid) return { kept: await firstAnswer(payer, key, request), replayed: true };
      publish([paid.event]);
      return { kept: paid.answer, replayed: false };
    },
  },
});

class KeySeen extends Error {}

const LOCK = {
  name: 'plain-lock',
  text: `
    select id, user_id, account_status, balance, version, now() as now
      from accounts where id in ($1, $2) order by id for update`,
};

// One statement: the ledger's triggers let none leave an operation out of balance, and move the accounts.
const WRITE_LEGS = {
  name: 'plain-write-legs',
  text: `
    insert into historical_transactions (id, user_id, account_id, operation_id, leg_number, transaction_type, transaction_status,
           direction, amount, balance_before, balance_after, currency, counterparty_id, description, external_reference)
    values ($1, $2, $3, $4, $5, 'PAYMENT', 'SUCCESS', $6, $7, $8, $9, $10, $11, $12, $13),
           ($14, $15, $16, $17, $18, 'PAYMENT', 'SUCCESS', $19, $20, $21, $22, $23, $24, $25, $26)`,
};

const WRITE_KEY = {
  name: 'plain-write-key',
  text: `
    insert into idempotency_keys (account_id, key, function, request, operation_id, status, answer)
    values ($1, $2, $3, $4, $5, $6, $7) on conflict do nothing returning key`,
};

const WRITE_EVENT = {
  name: 'plain-write-event',
  text: `
    insert into outbox (id, topic, type, source, subject, partition_key, sequence, data, traceparent)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
};

const READ_KEY = {
  name: 'plain-read-key',
  text: 'select request, status, answer from idempotency_keys where account_id = $1 and key = $2',
};

async function firstAnswer(accountId: string, key: string, request: string): Promise<KeptAnswer> {
  const [row] = await query<{ request: string; status: number; answer: string }>({
    ...READ_KEY,
    values: [accountId, key],
  });
  if (row?.request !== request) throw new Problem('idempotency_key_reused');
  return { status: row.status, body: row.answer };
}

interface AccountRow {
  [column: string]: unknown;
  id: string;
  user_id: string | null;
  account_status: Account['status'];
  balance: string;
  version: string;
  now: Date;
}

function move(
  rows: AccountRow[],
  payer: string,
  payee: string,
  operationId: string,
  body: PayRequest['body'],
): [debit: Leg, credit: Leg] {
  const from = rows.find(({ id }) => id === payer);
  const to = rows.find(({ id }) => id === payee);
  if (from?.account_status !== 'ACTIVE') throw new Problem('account_not_found');
  if (to?.account_status !== 'ACTIVE' || from === to) throw new Problem('payee_not_found');
  const { amount } = body;
  if (parseAmount(from.balance) < amount) throw new Problem('insufficient_funds');
  return [
    legOf(from, 'DEBIT', -amount, to.id, operationId, body),
    legOf(to, 'CREDIT', amount, from.id, operationId, body),
  ];
}

function legOf(
  row: AccountRow,
  direction: Direction,
  moved: bigint,
  counterpartyId: string,
  operationId: string,
  { description, reference }: PayRequest['body'],
): Leg {
  const balance = parseAmount(row.balance);
  return {
    id: legId(operationId, direction === 'DEBIT' ? DEBIT_PLACE : CREDIT_PLACE),
    operationId,
    accountId: row.id,
    userId: row.user_id,
    legNumber: BigInt(row.version) + 1n,
    type: 'PAYMENT',
    status: 'SUCCESS',
    direction,
    amount: money(moved < 0n ? -moved : moved),
    balanceBefore: balance,
    balanceAfter: balance + moved,
    currency: CURRENCY,
    counterpartyId,
    description: description ?? null,
    externalReference: reference ?? null,
    paymentMethod: null,
    metadata: null,
    refundOf: null,
    createdAt: row.now,
    updatedAt: row.now,
  };
}

function columnsOf(leg: Leg): unknown[] {
  return [
    leg.id,
    leg.userId,
    leg.accountId,
    leg.operationId,
    leg.legNumber,
    leg.direction,
    formatAmount(leg.amount),
    formatAmount(leg.balanceBefore),
    formatAmount(leg.balanceAfter),
    leg.currency,
    leg.counterpartyId,
    leg.description,
    leg.externalReference,
  ];
}
