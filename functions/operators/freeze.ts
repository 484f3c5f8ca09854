// POST /v1/operator/freeze: stops all money, the money of one account, or one function, until an operator thaws it.

import * as v from 'valibot';
import { audit, reasonSchema } from '../../shared/audit-trail.ts';
import {
  auditSubjectOf,
  type Freeze,
  type FreezeRow,
  freezeOf,
  freezeSchema,
  lockFreezes,
  MONEY_FUNCTIONS,
  selectFreezes,
} from '../../shared/ledger/posting/freezes.ts';
import { findAccountId } from '../../shared/ledger/reading/named-account.ts';
import { type Query, transaction } from '../../shared/platform/database/database.ts';
import { defineFunction } from '../../shared/platform/http/function.ts';
import { Problem } from '../../shared/platform/http/problem.ts';
import { maxCharacters, minCharacters } from '../../shared/platform/http/text.ts';
import { operator } from '../../shared/sessions/operator.ts';

const Body = v.pipe(
  v.strictObject({
    scope: v.picklist(['all', 'account', 'function']),
    subject: v.optional(
      v.pipe(
        v.string(),
        v.trim(),
        minCharacters(1),
        maxCharacters(50),
        v.description(
          "An account's id, its owner's username, or the name of a function that moves money. Leave it out for the " +
            'scope `all`.',
        ),
      ),
    ),
    reason: reasonSchema,
  }),
  v.forward(
    v.check(
      ({ scope, subject }) => (scope === 'all') === (subject === undefined),
      'is required, unless the scope is all',
    ),
    ['subject'],
  ),
  v.forward(
    v.check(
      ({ scope, subject }) => scope !== 'function' || (MONEY_FUNCTIONS as readonly unknown[]).includes(subject),
      `must be a function that moves money: ${MONEY_FUNCTIONS.join(', ')}`,
    ),
    ['subject'],
  ),
  v.examples([{ scope: 'function', subject: 'pay', reason: 'Payments are posted twice: INC-204' }]),
);

export default defineFunction({
  name: 'freeze',
  summary: 'Stop all money, one account, or one function',
  description:
    'Each instance obeys the freeze from its next batch on, that is at once. Requests that would move frozen money ' +
    'get `money_frozen` and can be sent again later. Reading still works. A repeated request still gets its first ' +
    'answer. If the subject is frozen already, nothing changes and the answer shows the existing freeze.',
  uses: { database: 'operator', redis: true, accessTokens: 'verify' },
  http: {
    route: 'POST /v1/operator/freeze',
    limit: { perMinute: 60, by: 'user' },
    caller: operator,
    body: Body,
    answer: v.object({ freeze: freezeSchema }),
    status: 201,
    alsoStatus: { 200: 'It was frozen already. The answer shows the reason.' },
    errors: ['operator_only', 'wallet_not_found'],

    handle: async ({ caller: { userId }, body }) => {
      const { freeze, isNew } = await transaction(async (query) => {
        const named = body.subject ?? '';
        const subject = body.scope === 'account' ? await findAccountId(query, named) : named;
        if (subject === undefined) throw new Problem('wallet_not_found');
        await lockFreezes(query);
        const open = await findOpen(query, body.scope, subject);
        if (open) return { freeze: open, isNew: false };
        const made = await insert(query, body.scope, subject, body.reason, userId);
        const { id: freeze_id, reason } = made;
        await audit(query, {
          actor: userId,
          action: 'freeze',
          subject: auditSubjectOf(made),
          reason,
          detail: { freeze_id },
        });
        return { freeze: made, isNew: true };
      });
      return { data: { freeze }, status: isNew ? 201 : 200 };
    },
  },
});

async function findOpen(query: Query, scope: Freeze['scope'], subject: string): Promise<Freeze | undefined> {
  const [row] = await query<FreezeRow>({
    text: `${selectFreezes('freezes')} where frozen.scope = $1 and frozen.subject = $2 and frozen.thawed_at is null`,
    values: [scope.toUpperCase(), subject],
  });
  return row && freezeOf(row);
}

async function insert(
  query: Query,
  scope: Freeze['scope'],
  subject: string,
  reason: string,
  frozenBy: string,
): Promise<Freeze> {
  const [row] = await query<FreezeRow>({
    text: `
      with made as (insert into freezes (scope, subject, reason, frozen_by) values ($1, $2, $3, $4) returning *)
      ${selectFreezes('made')}`,
    values: [scope.toUpperCase(), subject, reason, frozenBy],
  });
  return freezeOf(row as FreezeRow);
}
