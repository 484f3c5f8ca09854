// The second round trip of a batch: everything that was decided, in one statement, and its COMMIT.

import type pg from 'pg';
import { plainArray, textArray } from '../database/arrays.ts';
import type { OutboxEvent } from '../events/event.ts';
import type { KeptAnswer } from '../http/function.ts';
import { formatAmount } from '../money.ts';
import type { Account, HeldAmount, Leg, Posting, RefundTotal } from './posting.ts';

export interface Writes {
  /** The time of the batch, and the first day of its month. */
  now: Date;
  month: string;
  accounts: Account[];
  /** The version that each account had when it was read. */
  expected: bigint[];
  newLegs: Leg[];
  changedLegs: Leg[];
  holds: HeldAmount[];
  refunds: RefundTotal[];
  keys: { posting: Posting; answer: KeptAnswer | null }[];
  events: OutboxEvent[];
}

/** `rolled_back`: the database refused, nothing was written. `faulty`: our own code threw. `unknown`: the answer to COMMIT was lost. */
type FailureKind = 'rolled_back' | 'faulty' | 'unknown';

export class BatchFailure extends Error {
  readonly kind: FailureKind;

  constructor(kind: FailureKind, cause: unknown) {
    super(`the batch ended ${kind}`, { cause });
    this.kind = kind;
  }
}

const WRITE_NEW = `
    with changed_accounts as (
      update accounts account
         set balance = new.balance, version = new.version, held = new.held, pending = new.pending, incoming = new.incoming,
             incoming_month = $9::date, updated_at = $8::timestamptz
        from unnest($1::uuid[], $2::numeric[], $3::bigint[], $4::bigint[], $5::numeric[], $6::numeric[], $7::numeric[])
          as new (id, balance, version, expected, held, pending, incoming)
       where account.id = new.id and account.version = new.expected
    ), new_legs as (
      insert into historical_transactions (
             id, operation_id, account_id, user_id, leg_number, transaction_type, transaction_status, direction, amount,
             balance_before, balance_after, currency, counterparty_id, payment_method, description, external_reference, metadata,
             refund_of, created_at, updated_at)
      select new.*, $8::timestamptz, $8::timestamptz from unnest(
             $10::uuid[], $11::uuid[], $12::uuid[], $13::bigint[], $14::bigint[], $15::transaction_type_enum[],
             $16::transaction_status_enum[], $17::direction_enum[], $18::numeric[],
             $19::numeric[], $20::numeric[], $21::text[], $22::uuid[], $23::payment_method_enum[], $24::text[], $25::text[], $26::text[],
             $27::uuid[]) as new
    ), new_keys as (
      insert into idempotency_keys (account_id, key, function, request, operation_id, status, answer)
      select * from unnest($28::uuid[], $29::text[], $30::text[], $31::text[], $32::uuid[], $33::smallint[], $34::text[])
    ), new_events as (
      insert into outbox (id, topic, type, source, subject, partition_key, sequence, data, traceparent)
      select * from unnest($35::uuid[], $36::text[], $37::text[], $38::text[], $39::text[], $40::text[], $41::bigint[], $42::text[], $43::text[])
    )`;

/** What few batches have. Each is left out of the others' statement: even without a row, an update looks at every month's partition. */
const PARTS = {
  changedLegs: (rows: string) => `changed_legs as (
      update historical_transactions leg
         set leg_number = new.leg_number, transaction_status = new.status, amount = new.amount, balance_before = new.balance_before,
             balance_after = new.balance_after, counterparty_id = new.counterparty_id,
             external_reference = new.external_reference, position = pg_current_xact_id(), updated_at = $8::timestamptz
        from json_to_recordset(${rows}) as new (id uuid, leg_number bigint, status transaction_status_enum, amount numeric,
             balance_before numeric, balance_after numeric, counterparty_id uuid, external_reference varchar)
       where leg.id = new.id)`,
  holds: (rows: string) => `new_holds as (
      insert into holds (operation_id, payer_account, amount, held_at, expires_at, ended_at, captured)
      select operation_id, payer_account, amount, held_at, expires_at, ended_at, captured
        from json_to_recordset(${rows}) as new (operation_id uuid, payer_account uuid, amount numeric, held_at timestamptz,
             expires_at timestamptz, ended_at timestamptz, captured numeric)
      on conflict (operation_id) do update set ended_at = excluded.ended_at, captured = excluded.captured)`,
  refunds: (rows: string) => `new_refunds as (
      insert into refunded_payments (operation_id, paid, refunded)
      select operation_id, paid, refunded
        from json_to_recordset(${rows}) as new (operation_id uuid, paid numeric, refunded numeric)
      on conflict (operation_id) do update set refunded = excluded.refunded)`,
} as const;

const FIRST_PART = 44;

/** Rejects with a BatchFailure; resolves when the batch is committed. */
export async function writeAndCommit(client: pg.Client, writes: Writes): Promise<void> {
  const [written, committed] = await Promise.allSettled([client.query(statementOf(writes)), client.query('commit')]);
  if (committed.status === 'rejected') throw new BatchFailure('unknown', committed.reason);
  // The server rolls back on COMMIT when the write has failed, and says so.
  if (written.status === 'rejected') throw new BatchFailure('rolled_back', written.reason);
  if (committed.value.command !== 'COMMIT') throw new BatchFailure('rolled_back', undefined);
}

function statementOf(writes: Writes): pg.QueryConfig {
  const rows = {
    changedLegs: writes.changedLegs.map(changedLegRow),
    holds: writes.holds.map(holdRow),
    refunds: writes.refunds.map(refundRow),
  };
  const parts = (['changedLegs', 'holds', 'refunds'] as const).filter((part) => rows[part].length > 0);
  const texts = parts.map((part, index) => `, ${PARTS[part](`$${FIRST_PART + index}`)}`);
  return {
    name: ['ledger-write', ...parts].join('-'),
    text: `${WRITE_NEW}${texts.join('')} select`,
    values: [...valuesOf(writes), ...parts.map((part) => JSON.stringify(rows[part]))],
  };
}

/** The parameters of WRITE_NEW, in their order. */
function valuesOf({ now, month, accounts, expected, newLegs, keys, events }: Writes): (string | Buffer)[] {
  return [
    plainArray(accounts.map(({ id }) => id)),
    plainArray(accounts.map(({ balance }) => formatAmount(balance))),
    plainArray(accounts.map(({ version }) => version)),
    plainArray(expected),
    plainArray(accounts.map(({ held }) => formatAmount(held))),
    plainArray(accounts.map(({ pending }) => formatAmount(pending))),
    plainArray(accounts.map(({ incoming }) => formatAmount(incoming))),
    now.toISOString(),
    month,

    plainArray(newLegs.map(({ id }) => id)),
    plainArray(newLegs.map(({ operationId }) => operationId)),
    plainArray(newLegs.map(({ accountId }) => accountId)),
    plainArray(newLegs.map(({ userId }) => userId)),
    plainArray(newLegs.map(({ legNumber }) => legNumber)),
    plainArray(newLegs.map(({ type }) => type)),
    plainArray(newLegs.map(({ status }) => status)),
    plainArray(newLegs.map(({ direction }) => direction)),
    plainArray(newLegs.map(({ amount }) => formatAmount(amount))),
    plainArray(newLegs.map(({ balanceBefore }) => formatAmount(balanceBefore))),
    plainArray(newLegs.map(({ balanceAfter }) => formatAmount(balanceAfter))),
    plainArray(newLegs.map(({ currency }) => currency)),
    plainArray(newLegs.map(({ counterpartyId }) => counterpartyId)),
    plainArray(newLegs.map(({ paymentMethod }) => paymentMethod)),
    textArray(newLegs.map(({ description }) => description)),
    textArray(newLegs.map(({ externalReference }) => externalReference)),
    textArray(newLegs.map(({ metadata }) => metadata)),
    plainArray(newLegs.map(({ refundOf }) => refundOf)),

    plainArray(keys.map(({ posting }) => posting.key.accountId)),
    textArray(keys.map(({ posting }) => posting.key.key)),
    textArray(keys.map(({ posting }) => posting.key.function)),
    textArray(keys.map(({ posting }) => posting.key.request)),
    plainArray(keys.map(({ posting }) => posting.operationId)),
    plainArray(keys.map(({ answer }) => answer?.status ?? null)),
    textArray(keys.map(({ answer }) => answer?.body ?? null)),

    plainArray(events.map(({ id }) => id)),
    textArray(events.map(({ topic }) => topic)),
    textArray(events.map(({ type }) => type)),
    textArray(events.map(({ source }) => source)),
    textArray(events.map(({ subject }) => subject)),
    textArray(events.map(({ partitionKey }) => partitionKey)),
    plainArray(events.map(({ sequence }) => sequence)),
    textArray(events.map(({ data }) => data)),
    textArray(events.map(({ traceparent }) => traceparent)),
  ];
}

function changedLegRow(leg: Leg) {
  return {
    id: leg.id,
    leg_number: leg.legNumber.toString(),
    status: leg.status,
    amount: formatAmount(leg.amount),
    balance_before: formatAmount(leg.balanceBefore),
    balance_after: formatAmount(leg.balanceAfter),
    counterparty_id: leg.counterpartyId,
    external_reference: leg.externalReference,
  };
}

function holdRow(hold: HeldAmount) {
  return {
    operation_id: hold.operationId,
    payer_account: hold.payerAccount,
    amount: formatAmount(hold.amount),
    held_at: hold.heldAt,
    expires_at: hold.expiresAt,
    ended_at: hold.endedAt,
    captured: formatAmount(hold.captured),
  };
}

function refundRow({ operationId, paid, refunded }: RefundTotal) {
  return { operation_id: operationId, paid: formatAmount(paid), refunded: formatAmount(refunded) };
}
