// A finding is a fault that the platform cannot repair by itself: a row for an operator, an event for the pager, and a
// line in the log. Row and event are committed together, so that an event never tells of a missing row and no row goes
// untold.

import { type Query, transaction } from './platform/database/database.ts';
import { newEvent, type OutboxEvent } from './platform/events/event.ts';
import { addToOutbox } from './platform/events/outbox.ts';
import { publish } from './platform/events/publisher.ts';
import { log } from './platform/telemetry/log.ts';
import { addToCounter } from './platform/telemetry/metrics.ts';

/**
 * The books contradict themselves. Only a person resolves these; a later run that finds the books in order does not.
 */
const MONEY_KINDS = [
  /** The balances of a currency do not sum to zero. */
  'ledger_total',
  'ledger_balance',
  'ledger_numbering',
  'ledger_chain',
  'ledger_operation',
  'ledger_held',
  'ledger_pending',
  'ledger_incoming',
  'ledger_hold',
  'ledger_refund',
  /** A leg whose account does not exist. */
  'ledger_orphan',
] as const;

const OTHER_KINDS = [
  /** A top-up whose end cannot be found out. */
  'topup_stuck',
  /** A top-up that is PENDING a day after the request, even while a function is working on it. */
  'topup_pending_too_long',
  /** A provider's payment that could not go to the intended wallet. */
  'topup_in_suspense',
  /** A paid top-up that cannot be posted at all. */
  'topup_not_posted',
  /** The provider has refunded money that was credited or was to be credited. */
  'topup_refunded_by_provider',
  /** A provider reports a payment that we never asked for. */
  'payment_unknown',
  /** A hold that is open although it has expired. */
  'hold_overdue',
  /** An expired hold that the ledger refuses to release. */
  'hold_not_released',
  /** Events that could not be published. */
  'outbox_overdue',
] as const;

export const FINDING_KINDS = [...MONEY_KINDS, ...OTHER_KINDS];
export type MoneyFindingKind = (typeof MONEY_KINDS)[number];
export type FindingKind = (typeof FINDING_KINDS)[number];
/** Findings that end by themselves when their cause has gone. */
export type PassingFindingKind = (typeof OTHER_KINDS)[number];

export interface Finding {
  kind: FindingKind;
  /** The subject of the finding, at most 100 characters. Open findings are unique by kind and subject. */
  subject: string;
  operationId?: string | null;
  /** One sentence for the operator who deals with it. */
  detail: string;
}

const FINDINGS_TOPIC = 'one-gate.findings';

interface FindingRow {
  [column: string]: unknown;
  id: string;
  kind: FindingKind;
  subject: string;
  operation_id: string | null;
  detail: string;
  first_seen_at: Date;
  resolved_at: Date | null;
  is_new?: boolean;
}

/** Writes each finding once. A repeated finding updates the open row. */
export async function reportFindings(findings: readonly Finding[]): Promise<void> {
  if (findings.length > 0) tell(await transaction((query) => openFindings(query, findings)));
}

export function reportFinding(finding: Finding): Promise<void> {
  return reportFindings([finding]);
}

/** The same within a transaction. Call `tell` with the returned events after the commit. */
export async function openFindings(query: Query, findings: readonly Finding[]): Promise<OutboxEvent[]> {
  const unique = new Map(findings.map((each) => [`${each.kind} ${each.subject}`, each]));
  if (unique.size === 0) return [];
  const rows = await query<FindingRow>({
    text: `
      insert into findings (kind, subject, operation_id, detail)
      select kind, subject, "operationId", detail
        from json_to_recordset($1) as new (kind varchar, subject varchar, "operationId" uuid, detail text) order by kind, subject
      on conflict (kind, subject) where resolved_at is null do update set last_seen_at = clock_timestamp(), detail = excluded.detail
      returning id, kind, subject, operation_id, detail, first_seen_at, resolved_at, first_seen_at = last_seen_at as is_new`,
    values: [JSON.stringify([...unique.values()])],
  });
  const events = rows.filter((row) => row.is_new).map((row) => findingEvent('one-gate.finding.opened', row));
  await addToOutbox(query, events);
  return events;
}

/** Replaces the open findings of a kind: reports these and, if they are complete, resolves the others. */
export async function keepFindings(
  kind: PassingFindingKind,
  findings: readonly Finding[],
  these: 'all' | 'some' = 'all',
): Promise<void> {
  const events = await transaction(async (query) => [
    ...(await openFindings(query, findings)),
    ...(these === 'all' ? await resolveFindings(query, kind, { except: findings.map(({ subject }) => subject) }) : []),
  ]);
  tell(events);
}

/**
 * Resolves the open findings of a kind: those of one subject, or all except some. Call `tell` with the returned events
 * after the commit.
 */
export async function resolveFindings(
  query: Query,
  kind: PassingFindingKind,
  which: { subject: string } | { except: readonly string[] },
): Promise<OutboxEvent[]> {
  const isOne = 'subject' in which;
  const rows = await query<FindingRow>({
    text: `
      update findings set resolved_at = now()
       where resolved_at is null and kind = $1 and (subject = any($2::text[])) = $3
      returning id, kind, subject, operation_id, detail, first_seen_at, resolved_at`,
    values: [kind, isOne ? [which.subject] : which.except, isOne],
  });
  const events = rows.map((row) => findingEvent('one-gate.finding.resolved', row));
  await addToOutbox(query, events);
  return events;
}

/** Publishes, counts and logs the events. Call it after the commit. */
export function tell(events: readonly OutboxEvent[]): void {
  for (const { type, data } of events) {
    const finding = JSON.parse(data);
    if (type === 'one-gate.finding.opened') {
      log.error({ finding }, 'finding');
      addToCounter('one_gate.findings.opened', 1, { kind: finding.kind });
    } else log.info({ finding }, 'resolved a finding');
  }
  if (events.length > 0) publish(events);
}

/** Counts the open findings of every kind. */
export async function countOpenFindings(query: Query): Promise<Record<FindingKind, number>> {
  const rows = await query<{ kind: FindingKind; open: number }>({
    text: 'select kind, count(*)::int as open from findings where resolved_at is null group by kind',
  });
  const none = Object.fromEntries(FINDING_KINDS.map((kind) => [kind, 0])) as Record<FindingKind, number>;
  return { ...none, ...Object.fromEntries(rows.map(({ kind, open }) => [kind, open])) };
}

export function isAboutMoney(kind: FindingKind): kind is MoneyFindingKind {
  return (MONEY_KINDS as readonly string[]).includes(kind);
}

function findingEvent(type: 'one-gate.finding.opened' | 'one-gate.finding.resolved', row: FindingRow): OutboxEvent {
  return newEvent({
    topic: FINDINGS_TOPIC,
    type,
    source: '/one-gate/findings',
    subject: row.id,
    partitionKey: row.id,
    sequence: row.resolved_at ? '2' : '1',
    traceparent: null,
    data: {
      finding_id: row.id,
      kind: row.kind,
      subject: row.subject,
      operation_id: row.operation_id,
      detail: row.detail,
      first_seen_at: row.first_seen_at,
      resolved_at: row.resolved_at,
    },
  });
}
