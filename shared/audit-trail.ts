// The audit trail of operators: what each did, and why. A row is written in the transaction of the change, so that
// neither exists without the other. The database refuses to change or remove a row.

import * as v from 'valibot';
import type { Query } from './platform/database/database.ts';
import { maxCharacters, minCharacters } from './platform/http/text.ts';

export const reasonSchema = v.pipe(
  v.string(),
  v.trim(),
  minCharacters(1),
  maxCharacters(500),
  v.description('The reason, for later readers of the audit trail.'),
  v.examples(['Payments are posted twice: INC-204']),
);

export interface AuditEntry {
  /** The user's id; null for the platform itself. */
  actor: string | null;
  /** The function's name. */
  action: string;
  /** `all`, `function:<name>`, `account:<id>` or `user:<username>`: at most 100 characters. */
  subject: string;
  reason: string;
  /** The values before and after, kept as JSON. No secrets, no personal data. */
  detail: Readonly<Record<string, unknown>>;
}

/** Adds a row. `query` is the transaction of the change. */
export async function audit(query: Query, { actor, action, subject, reason, detail }: AuditEntry): Promise<void> {
  await query({
    text: 'insert into audit_trail (actor, action, subject, reason, detail) values ($1, $2, $3, $4, $5)',
    values: [actor, action, subject, reason, JSON.stringify(detail)],
  });
}
