// GET /v1/operator/audit: the actions of operators with their reasons, newest first.

import * as v from 'valibot';
import { query } from '../../shared/platform/database/database.ts';
import { type Clauses, conditionsOf } from '../../shared/platform/database/filters.ts';
import { defineFunction } from '../../shared/platform/http/function.ts';
import { byNumber, cursorSchema, encodeCursor, limitSchema, startOf } from '../../shared/platform/http/page.ts';
import { maxCharacters } from '../../shared/platform/http/text.ts';
import { operator } from '../../shared/sessions/operator.ts';
import { usernameSchema } from '../../shared/wallet/request.ts';

const Entry = v.pipe(
  v.object({
    id: v.pipe(v.string(), v.examples(['1204'])),
    at: v.pipe(v.string(), v.isoTimestamp()),
    actor: v.pipe(
      v.nullable(v.string()),
      v.description("The operator's username; null for the platform itself."),
      v.examples(['nadia']),
    ),
    action: v.pipe(v.string(), v.description("The function's name, or change-role."), v.examples(['freeze'])),
    subject: v.pipe(v.string(), v.examples(['function:pay'])),
    reason: v.pipe(v.string(), v.examples(['Payments are posted twice: INC-204'])),
    detail: v.pipe(
      v.nullable(v.record(v.string(), v.unknown())),
      v.description('The values before and after. Its members depend on the action.'),
    ),
  }),
  v.title('AuditEntry'),
);

export default defineFunction({
  name: 'list-audit-trail',
  summary: 'Actions of operators, with their reasons',
  description:
    'Newest first. Filters can be combined. Each row was committed together with its action and never changes.',
  uses: { database: 'operator', redis: true, accessTokens: 'verify' },
  http: {
    route: 'GET /v1/operator/audit',
    limit: { perMinute: 120, by: 'user' },
    caller: operator,
    query: v.strictObject({
      limit: limitSchema,
      cursor: cursorSchema,
      subject: v.optional(
        v.pipe(
          v.string(),
          maxCharacters(100),
          v.description('`all`, `function:<name>`, `account:<account id>` or `user:<username>`.'),
          v.examples(['function:pay']),
        ),
      ),
      action: v.optional(v.pipe(v.string(), maxCharacters(50), v.examples(['freeze']))),
      actor: v.optional(usernameSchema),
    }),
    answer: Entry,
    status: 200,
    list: true,
    errors: ['operator_only', 'invalid_cursor'],

    handle: async ({ query: { limit, cursor, ...filters } }) => {
      const below = startOf(cursor, filters, byNumber);
      const values: unknown[] = [below, limit + 1];
      const conditions = ['trail.id < $1', ...conditionsOf(CLAUSES, filters, values)];
      const rows = await query<Row>({
        text: `
          select trail.id, trail.at, person.username as actor, trail.action, trail.subject, trail.reason, trail.detail
            from audit_trail trail left join users person on person.id = trail.actor
           where ${conditions.join(' and ')} order by trail.id desc limit $2`,
        values,
      });
      const shown = rows.slice(0, limit);
      const last = rows.length > limit ? shown.at(-1) : undefined;
      return {
        data: shown.map(({ at, detail, ...row }) => ({
          ...row,
          at: at.toISOString(),
          detail: detail === null ? null : JSON.parse(detail),
        })),
        nextCursor: last ? encodeCursor(last.id, filters) : null,
      };
    },
  },
});

interface Filters {
  subject?: string | undefined;
  action?: string | undefined;
  actor?: string | undefined;
}

const CLAUSES: Clauses<Filters> = {
  subject: (place) => `trail.subject = ${place}`,
  action: (place) => `trail.action = ${place}`,
  actor: (place) => `person.username = ${place}`,
};

interface Row {
  id: string;
  at: Date;
  actor: string | null;
  action: string;
  subject: string;
  reason: string;
  detail: string | null;
}
