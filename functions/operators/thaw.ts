// POST /v1/operator/thaw: ends a freeze, so that money moves again.

import * as v from 'valibot';
import { audit, reasonSchema } from '../../shared/audit-trail.ts';
import {
  auditSubjectOf,
  type Freeze,
  type FreezeRow,
  freezeOf,
  freezeSchema,
  lockFreezes,
  selectFreezes,
} from '../../shared/ledger/posting/freezes.ts';
import { type Query, transaction } from '../../shared/platform/database/database.ts';
import { defineFunction } from '../../shared/platform/http/function.ts';
import { Problem } from '../../shared/platform/http/problem.ts';
import { operator } from '../../shared/sessions/operator.ts';

export default defineFunction({
  name: 'thaw',
  summary: 'End a freeze',
  description:
    'Each instance posts again from its next batch on, unless another freeze stops it. Thawing a thawed freeze ' +
    'changes nothing.',
  uses: { database: 'operator', redis: true, accessTokens: 'verify' },
  http: {
    route: 'POST /v1/operator/thaw',
    limit: { perMinute: 60, by: 'user' },
    caller: operator,
    body: v.strictObject({
      freeze_id: v.pipe(v.string(), v.uuid('must be the id of a freeze (a UUID)')),
      reason: reasonSchema,
    }),
    answer: v.object({ freeze: freezeSchema }),
    status: 200,
    errors: ['operator_only', 'freeze_not_found'],

    handle: async ({ caller: { userId }, body: { freeze_id, reason } }) => {
      const freeze = await transaction(async (query) => {
        await lockFreezes(query);
        const found = await find(query, freeze_id);
        if (!found) throw new Problem('freeze_not_found');
        if (found.thawed_at !== null) return found;
        await query({
          text: 'update freezes set thawed_by = $2, thawed_at = clock_timestamp() where id = $1',
          values: [freeze_id, userId],
        });
        await audit(query, {
          actor: userId,
          action: 'thaw',
          subject: auditSubjectOf(found),
          reason,
          detail: { freeze_id },
        });
        return find(query, freeze_id);
      });
      return { data: { freeze: freeze as Freeze } };
    },
  },
});

async function find(query: Query, id: string): Promise<Freeze | undefined> {
  const [row] = await query<FreezeRow>({ text: `${selectFreezes('freezes')} where frozen.id = $1`, values: [id] });
  return row && freezeOf(row);
}
