// What the platform cannot put right by itself: a row for an operator, and a line in the log when it is first seen.

import { query } from './database/database.ts';
import { log } from './telemetry/log.ts';

export type FindingKind =
  /** A top-up that nobody can say the end of. */
  | 'topup_stuck'
  /** Money from a provider that could not go to the wallet it was meant for. */
  | 'topup_in_suspense'
  /** Paid, but in a way that cannot be posted at all. */
  | 'topup_not_posted'
  /** The provider has given money back that had been, or was to be, credited. */
  | 'topup_refunded_by_provider'
  /** A provider tells of a payment that we never asked for. */
  | 'payment_unknown';

export interface Finding {
  kind: FindingKind;
  /** What it is about; open findings are unique by kind and subject. At most 100 characters. */
  subject: string;
  operationId?: string;
  /** One sentence for whoever deals with it. */
  detail: string;
}

/** Writes the finding once: while it is open, seeing it again only brings it up to date. */
export async function reportFinding({ kind, subject, operationId, detail }: Finding): Promise<void> {
  const [row] = await query<{ is_new: boolean }>({
    text: `
      insert into findings (kind, subject, operation_id, detail) values ($1, $2, $3, $4)
      on conflict (kind, subject) where resolved_at is null do update set last_seen_at = now(), detail = excluded.detail
      returning first_seen_at = last_seen_at as is_new`,
    values: [kind, subject, operationId ?? null, detail],
  });
  if (row?.is_new) log.error({ finding: kind, subject, ...(operationId && { operationId }), detail }, 'finding');
}

/** How many are open, by kind. */
export async function openFindings(): Promise<Partial<Record<FindingKind, number>>> {
  const rows = await query<{ kind: FindingKind; open: number }>({
    text: 'select kind, count(*)::int as open from findings where resolved_at is null group by kind',
  });
  return Object.fromEntries(rows.map(({ kind, open }) => [kind, open]));
}
