// What the platform cannot put right by itself: a row for an operator, an event for whoever is paged, and a line in the log. Row and
// event are committed together, so that nobody is told of what is not there, and nothing is there that nobody was told of.

import { type Query, transaction } from './platform/database/database.ts';
import { newEvent, type OutboxEvent } from './platform/events/event.ts';
import { addToOutbox } from './platform/events/outbox.ts';
import { publish } from './platform/events/publisher.ts';
import { log } from './platform/telemetry/log.ts';
import { addToCounter } from './platform/telemetry/metrics.ts';

/** The books contradict themselves. Only a person resolves these, whatever is found later. */
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
  /** A leg of no account. */
  'ledger_orphan',
] as const;

const OTHER_KINDS = [
  /** A top-up that nobody can say the end of. */
  'topup_stuck',
  /** One that is PENDING a day after it was asked for, whoever may be looking at it. */
  'topup_pending_too_long',
  /** Money from a provider that could not go to the wallet it was meant for. */
  'topup_in_suspense',
  /** Paid, but in a way that cannot be posted at all. */
  'topup_not_posted',
  /** The provider has given money back that had been, or was to be, credited. */
  'topup_refunded_by_provider',
  /** A provider tells of a payment that we never asked for. */
  'payment_unknown',
  /** A hold whose time is over, and that is open still. */
  'hold_overdue',
  /** A hold that the ledger will not release. */
  'hold_not_released',
  /** Events that nobody could publish. */
  'outbox_overdue',
] as const;

export const FINDING_KINDS = [...MONEY_KINDS, ...OTHER_KINDS];
export type MoneyFindingKind = (typeof MONEY_KINDS)[number];
export type FindingKind = (typeof FINDING_KINDS)[number];
/** Those that are over when what they tell of is over. */
export type PassingFindingKind = (typeof OTHER_KINDS)[number];

export interface Finding {
  kind: FindingKind;
  /** What it is about; open findings are unique by kind and subject. At most 100 characters. */
  subject: string;
  operationId?: string | null;
  /** One sentence for whoever deals with it. */
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

/** Writes each finding once: while it is open, seeing it again only brings it up to date. */
export async function reportFindings(findings: readonly Finding[]): Promise<void> {
  if (findings.length > 0) tell(await transaction((query) => openFindings(query, findings)));
}

export function reportFinding(finding: Finding): Promise<void> {
  return reportFindings([finding]);
}

/** The same within a transaction; `tell` what comes back after its commit. */
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

/** The findings of a kind as they are now: these are reported, and if these are all there are, what was said of others is over. */
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

/** Resolves the open findings of a kind: that of one subject, or all but some. `tell` what comes back after the commit. */
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

/** After the commit: publishes the events, counts them, and says in the log what was found. */
export function tell(events: readonly OutboxEvent[]): void {
  for (const { type, data } of events) {
    const finding = JSON.parse(data);
    if (type === 'one-gate.finding.opened') {
      log.error({ finding }, 'finding');
      addToCounter('one_gate.findings.opened', 1, { kind: finding.kind });
    } else log.info({ finding }, 'a finding is resolved');
  }
  if (events.length > 0) publish(events);
}

/** How many are open, for every kind there is. */
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
