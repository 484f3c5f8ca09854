// GET /v1/operator/freezes: the freezes in force, newest first. `all=true` adds the ended ones.

import * as v from 'valibot';
import { type FreezeRow, freezeOf, freezeSchema, selectFreezes } from '../../shared/ledger/posting/freezes.ts';
import { query } from '../../shared/platform/database/database.ts';
import { defineFunction } from '../../shared/platform/http/function.ts';
import { byId, cursorSchema, encodeCursor, limitSchema, startOf } from '../../shared/platform/http/page.ts';
import { operator } from '../../shared/sessions/operator.ts';

export default defineFunction({
  name: 'list-freezes',
  summary: 'Freezes',
  description: 'The freezes in force, newest first. `all=true` adds the ended ones.',
  uses: { database: 'operator', redis: true, accessTokens: 'verify' },
  http: {
    route: 'GET /v1/operator/freezes',
    limit: { perMinute: 120, by: 'user' },
    caller: operator,
    query: v.strictObject({
      limit: limitSchema,
      cursor: cursorSchema,
      all: v.optional(
        v.pipe(v.picklist(['true', 'false']), v.description('`true` adds the freezes that have ended.')),
        'false',
      ),
    }),
    answer: freezeSchema,
    status: 200,
    list: true,
    errors: ['operator_only', 'invalid_cursor'],

    handle: async ({ query: { limit, cursor, all } }) => {
      const below = startOf(cursor, { all }, byId);
      const rows = await query<FreezeRow>({
        text: `
          ${selectFreezes('freezes')} where frozen.id < $1 and ($2 or frozen.thawed_at is null) order by frozen.id desc limit $3`,
        values: [below, all === 'true', limit + 1],
      });
      const shown = rows.slice(0, limit).map(freezeOf);
      const last = rows.length > limit ? shown.at(-1) : undefined;
      return { data: shown, nextCursor: last ? encodeCursor(last.id, { all }) : null };
    },
  },
});
