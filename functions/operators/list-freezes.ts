// GET /v1/operator/freezes: what is frozen, newest first, and with `all=true` what once was.

import * as v from 'valibot';
import { type FreezeRow, freezeOf, freezeSchema, selectFreezes } from '../../shared/ledger/posting/freezes.ts';
import { query } from '../../shared/platform/database/database.ts';
import { defineFunction } from '../../shared/platform/http/function.ts';
import { byId, cursorSchema, encodeCursor, limitSchema, startOf } from '../../shared/platform/http/page.ts';
import { operator } from '../../shared/sessions/operator.ts';

export default defineFunction({
  name: 'list-freezes',
  summary: 'What is frozen',
  description: 'Newest first: the freezes in force, or all that ever were.',
  uses: { database: 'operator', redis: true, accessTokens: 'verify' },
  http: {
    route: 'GET /v1/operator/freezes',
    limit: { perMinute: 120, by: 'user' },
    caller: operator,
    query: v.strictObject({
      limit: limitSchema,
      cursor: cursorSchema,
      all: v.optional(v.pipe(v.picklist(['true', 'false']), v.description('Those that have ended, too.')), 'false'),
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
