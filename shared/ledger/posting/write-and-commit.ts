// The second round trip of a batch: all writes, nearly always in one statement, and COMMIT. The database works out the
// accounts from the legs (post_legs, migration 0024).

import type pg from 'pg';
import { formatAmount } from '../../money.ts';
import { plainArray, textArray } from '../../platform/database/arrays.ts';
import { type NamesIn, type NumberedSql, numbered } from '../../platform/database/named-parameters.ts';
import type { OutboxEvent } from '../../platform/events/event.ts';
import type { HeldAmount, Leg, Posting, RefundTotal } from '../rules/words.ts';
import { requestColumns } from './key-row.ts';

export interface Writes {
  /** The time of the batch. */
  now: Date;
  newLegs: Leg[];
  changedLegs: Leg[];
  holds: HeldAmount[];
  /** By the payment's operation. */
  refunds: ReadonlyMap<string, RefundTotal>;
  keys: { posting: Posting; data: object | null }[];
  events: OutboxEvent[];
}

/**
 * `rolled_back`: the database refused, nothing was written. `faulty`: our own code threw. `unknown`: the answer to
 * COMMIT was lost.
 */
type FailureKind = 'rolled_back' | 'faulty' | 'unknown';

export class BatchFailure extends Error {
  readonly kind: FailureKind;

  constructor(kind: FailureKind, cause: unknown) {
    super(`the batch ended ${kind}`, { cause });
    this.kind = kind;
  }
}

const WRITE_NEW = `
    with new_legs as (
      insert into historical_transactions (
             id, operation_id, account_id, user_id, leg_number, transaction_type, transaction_status, direction, amount,
             balance_before, balance_after, currency, counterparty_id, payment_method, description, external_reference, metadata,
             refund_of, created_at, updated_at)
      select new.*, $now::timestamptz, $now::timestamptz from unnest(
             $leg_ids::uuid[], $leg_operations::uuid[], $leg_accounts::uuid[], $leg_users::bigint[], $leg_numbers::bigint[],
             $leg_types::transaction_type_enum[], $leg_statuses::transaction_status_enum[], $directions::direction_enum[],
             $amounts::numeric[], $balances_before::numeric[], $balances_after::numeric[], $currencies::text[],
             $counterparties::uuid[], $payment_methods::payment_method_enum[], $descriptions::text[],
             $external_references::text[], $metadata::text[], $refunds_of::uuid[]) as new
    ), new_keys as (
      insert into idempotency_keys (account_id, key, function, request, sent, operation_id, result)
      select * from unnest($key_accounts::uuid[], $keys::text[], $key_functions::text[], $requests::text[], $sent::text[],
             $key_operations::uuid[], $results::text[])
    ), new_events as (
      insert into outbox (id, topic, type, source, subject, partition_key, sequence, data, traceparent)
      select * from unnest($event_ids::uuid[], $topics::text[], $event_types::text[], $sources::text[], $subjects::text[],
             $partition_keys::text[], $sequences::bigint[], $event_data::text[], $traceparents::text[])
    )`;

/**
 * Parts that few batches need. A batch leaves out the parts that it does not need, because an update looks at every
 * month's partition even without a row.
 */
const PARTS = {
  changedLegs: `, changed_legs as (
      update historical_transactions leg
         set leg_number = new.leg_number, transaction_status = new.status, amount = new.amount, balance_before = new.balance_before,
             balance_after = new.balance_after, counterparty_id = new.counterparty_id,
             external_reference = new.external_reference, position = pg_current_xact_id(), updated_at = $now::timestamptz
        from json_to_recordset($changedLegs::json) as new (id uuid, leg_number bigint, status transaction_status_enum,
             amount numeric, balance_before numeric, balance_after numeric, counterparty_id uuid, external_reference varchar)
       where leg.id = new.id)`,
  holds: `, new_holds as (
      insert into holds (operation_id, payer_account, amount, held_at, expires_at, ended_at, captured)
      select operation_id, payer_account, amount, held_at, expires_at, ended_at, captured
        from json_to_recordset($holds::json) as new (operation_id uuid, payer_account uuid, amount numeric, held_at timestamptz,
             expires_at timestamptz, ended_at timestamptz, captured numeric)
      on conflict (operation_id) do update set ended_at = excluded.ended_at, captured = excluded.captured)`,
  refunds: `, new_refunds as (
      insert into refunded_payments (operation_id, paid, refunded)
      select operation_id, paid, refunded
        from json_to_recordset($refunds::json) as new (operation_id uuid, paid numeric, refunded numeric)
      on conflict (operation_id) do update set refunded = excluded.refunded)`,
} as const;

type Part = keyof typeof PARTS;
type Values = Record<NamesIn<typeof WRITE_NEW>, string | Buffer> & Partial<Record<Part, string>>;

/** Statements by name: one for each combination of parts. */
const statements = new Map<string, NumberedSql>();

/** Resolves when the batch is committed. Rejects with a BatchFailure. */
export async function writeAndCommit(client: pg.Client, writes: readonly Writes[]): Promise<void> {
  const statements = writes.map((each) => client.query(statementOf(each)));
  const [committed, ...written] = await Promise.allSettled([client.query('commit'), ...statements]);
  if (committed.status === 'rejected') throw new BatchFailure('unknown', committed.reason);
  // If a write has failed, the server answers COMMIT with a rollback and says so. The first failure is the reason.
  for (const each of written) if (each.status === 'rejected') throw new BatchFailure('rolled_back', each.reason);
  if (committed.value.command !== 'COMMIT') throw new BatchFailure('rolled_back', undefined);
}

function statementOf(writes: Writes): pg.QueryConfig {
  const parts: Part[] = [];
  if (writes.changedLegs.length > 0) parts.push('changedLegs');
  if (writes.holds.length > 0) parts.push('holds');
  if (writes.refunds.size > 0) parts.push('refunds');
  const name = ['ledger-write', ...parts].join('-');
  const { text, names } = statements.get(name) ?? remember(name, parts);
  const values = valuesOf(writes) as Record<string, unknown>;
  return { name, text, values: names.map((each) => values[each]) };
}

function remember(name: string, parts: readonly Part[]): NumberedSql {
  const statement = numbered(`${WRITE_NEW}${parts.map((part) => PARTS[part]).join('')} select`);
  statements.set(name, statement);
  return statement;
}

function valuesOf({ now, newLegs, keys, events, ...parts }: Writes): Values {
  return {
    now: now.toISOString(),
    leg_ids: plainArray(newLegs.map(({ id }) => id)),
    leg_operations: plainArray(newLegs.map(({ operationId }) => operationId)),
    leg_accounts: plainArray(newLegs.map(({ accountId }) => accountId)),
    leg_users: plainArray(newLegs.map(({ userId }) => userId)),
    leg_numbers: plainArray(newLegs.map(({ legNumber }) => legNumber)),
    leg_types: plainArray(newLegs.map(({ type }) => type)),
    leg_statuses: plainArray(newLegs.map(({ status }) => status)),
    directions: plainArray(newLegs.map(({ direction }) => direction)),
    amounts: plainArray(newLegs.map(({ amount }) => formatAmount(amount))),
    balances_before: plainArray(newLegs.map(({ balanceBefore }) => formatAmount(balanceBefore))),
    balances_after: plainArray(newLegs.map(({ balanceAfter }) => formatAmount(balanceAfter))),
    currencies: plainArray(newLegs.map(({ currency }) => currency)),
    counterparties: plainArray(newLegs.map(({ counterpartyId }) => counterpartyId)),
    payment_methods: plainArray(newLegs.map(({ paymentMethod }) => paymentMethod)),
    descriptions: textArray(newLegs.map(({ description }) => description)),
    external_references: textArray(newLegs.map(({ externalReference }) => externalReference)),
    metadata: textArray(newLegs.map(({ metadata }) => metadata)),
    refunds_of: plainArray(newLegs.map(({ refundOf }) => refundOf)),

    key_accounts: plainArray(keys.map(({ posting }) => posting.key.accountId)),
    keys: textArray(keys.map(({ posting }) => posting.key.key)),
    key_functions: textArray(keys.map(({ posting }) => posting.key.function)),
    requests: textArray(keys.map(({ posting }) => requestColumns(posting.key).request)),
    sent: textArray(keys.map(({ posting }) => requestColumns(posting.key).sent)),
    key_operations: plainArray(keys.map(({ posting }) => posting.operationId)),
    results: textArray(keys.map(({ data }) => data && JSON.stringify(data))),

    event_ids: plainArray(events.map(({ id }) => id)),
    topics: textArray(events.map(({ topic }) => topic)),
    event_types: textArray(events.map(({ type }) => type)),
    sources: textArray(events.map(({ source }) => source)),
    subjects: textArray(events.map(({ subject }) => subject)),
    partition_keys: textArray(events.map(({ partitionKey }) => partitionKey)),
    sequences: plainArray(events.map(({ sequence }) => sequence)),
    event_data: textArray(events.map(({ data }) => data)),
    traceparents: textArray(events.map(({ traceparent }) => traceparent)),

    ...(parts.changedLegs.length > 0 && { changedLegs: JSON.stringify(parts.changedLegs.map(changedLegRow)) }),
    ...(parts.holds.length > 0 && { holds: JSON.stringify(parts.holds.map(holdRow)) }),
    ...(parts.refunds.size > 0 && { refunds: JSON.stringify([...parts.refunds.values()].map(refundRow)) }),
  };
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
