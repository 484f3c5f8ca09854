// Freezes by operators: of all money, of one account, or of one function. The ledger reads the open freezes in every
// batch (lock-and-read.ts). This file shows them and changes them one at a time.

import * as v from 'valibot';
import type { Query } from '../../platform/database/database.ts';

/** The functions whose postings a freeze can stop, by the function name in the postings' keys. */
export const MONEY_FUNCTIONS = [
  'pay',
  'transfer',
  'refund',
  'hold',
  'capture',
  'void',
  'topup',
  'settle-topup',
  'expire-holds',
] as const;

export const freezeSchema = v.pipe(
  v.object({
    id: v.pipe(v.string(), v.uuid()),
    scope: v.picklist(['all', 'account', 'function']),
    subject: v.pipe(v.nullable(v.string()), v.description("The account's id or the function's name; null for all.")),
    reason: v.pipe(v.string(), v.examples(['Payments are posted twice: INC-204'])),
    frozen_by: v.pipe(v.string(), v.description("The operator's username."), v.examples(['nadia'])),
    frozen_at: v.pipe(v.string(), v.isoTimestamp()),
    thawed_by: v.nullable(v.string()),
    thawed_at: v.nullable(v.pipe(v.string(), v.isoTimestamp())),
  }),
  v.title('Freeze'),
);

export type Freeze = v.InferOutput<typeof freezeSchema>;

export interface FreezeRow {
  id: string;
  scope: 'ALL' | 'ACCOUNT' | 'FUNCTION';
  subject: string;
  reason: string;
  frozen_by: string;
  frozen_at: Date;
  thawed_by: string | null;
  thawed_at: Date | null;
}

/** Rows of `source`, which has the columns of freezes, with the names of the operators who froze and thawed. */
export const selectFreezes = (source: string) => `
  select frozen.id, frozen.scope, frozen.subject, frozen.reason, frozen.frozen_at, frozen.thawed_at,
         freezer.username as frozen_by, thawer.username as thawed_by
    from ${source} frozen join users freezer on freezer.id = frozen.frozen_by left join users thawer on thawer.id = frozen.thawed_by`;

export function freezeOf({ scope, subject, frozen_at, thawed_at, ...row }: FreezeRow): Freeze {
  return {
    id: row.id,
    scope: SCOPES[scope],
    subject: subject === '' ? null : subject,
    reason: row.reason,
    frozen_by: row.frozen_by,
    frozen_at: frozen_at.toISOString(),
    thawed_by: row.thawed_by,
    thawed_at: thawed_at?.toISOString() ?? null,
  };
}

const SCOPES = { ALL: 'all', ACCOUNT: 'account', FUNCTION: 'function' } as const;

/** The subject of a freeze in the audit trail. */
export function auditSubjectOf({ scope, subject }: Pick<Freeze, 'scope' | 'subject'>): string {
  return subject === null ? scope : `${scope}:${subject}`;
}

/** Serialises freezes and thaws until the end of the transaction, so that what the caller has read stays true. */
export async function lockFreezes(query: Query): Promise<void> {
  await query({ text: "select pg_advisory_xact_lock(hashtext('freezes'))" });
}
