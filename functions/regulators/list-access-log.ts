// GET /v1/regulator/access-log: a regulator's own accesses, for it to check.

import * as v from 'valibot';
import { query } from '../../shared/platform/database/database.ts';
import { defineFunction } from '../../shared/platform/http/function.ts';
import { byId, cursorSchema, encodeCursor, limitSchema, startOf } from '../../shared/platform/http/page.ts';
import { HASHED_COLUMNS, type Hashed, hashedSchema } from '../../shared/regulators/access-chain.ts';
import { recordAccess } from '../../shared/regulators/access-log.ts';
import { regulatorWith } from '../../shared/regulators/caller.ts';
import { regulatorHeaders } from '../../shared/regulators/purpose.ts';

const Entry = v.pipe(
  v.object({
    ...hashedSchema.entries,
    number: v.pipe(
      v.nullable(v.string()),
      v.description('Its place in your chain. Null until it is chained, within a minute.'),
      v.examples(['1204']),
    ),
    hash: v.pipe(
      v.nullable(v.string()),
      v.description(
        'SHA-256, in hex, of the hash before it (as bytes; of the first: nothing) and the JSON array of the members ' +
          'above in their order, separated by ", ".',
      ),
    ),
  }),
  v.title('AccessLogEntry'),
);

export default defineFunction({
  name: 'list-access-log',
  summary: 'Your own accesses, for regulators',
  description:
    'All requests with your keys, refused ones included, newest first. This request itself is on the next page that ' +
    'you read. The entries are a chain: each hash covers the one before it. `X-Access-Log-Head` is a signed ' +
    "statement (JWS, keys at `/.well-known/receipt-keys.json`) of the chain's head: keep it, and you will notice if " +
    'an entry is removed.',
  uses: { database: 'regulator', redis: true },
  http: {
    route: 'GET /v1/regulator/access-log',
    caller: regulatorWith('READ_TRANSACTIONS', 'READ_REPORTS'),
    headers: regulatorHeaders,
    beforeAnswer: recordAccess,
    query: v.strictObject({
      limit: limitSchema,
      cursor: cursorSchema,
    }),
    answer: Entry,
    status: 200,
    list: true,
    errors: ['invalid_cursor'],

    handle: async ({ caller: { serviceId }, query: { limit, cursor } }) => {
      const below = startOf(cursor, serviceId, byId);
      const rows = await query<Hashed & { number: string | null; hash: string | null }>({
        text: `
          select ${HASHED_COLUMNS}, link.number, encode(link.hash, 'hex') as hash
            from api_access_logs log left join api_access_chain link on link.log_id = log.id
           where log.external_service_id = $1 and log.id < $2 order by log.id desc limit $3`,
        values: [serviceId, below, limit + 1],
      });
      const head = await headOf(serviceId);
      const shown = rows.slice(0, limit);
      const last = rows.length > limit ? shown.at(-1) : undefined;
      return {
        data: shown,
        nextCursor: last ? encodeCursor(last.id, serviceId) : null,
        ...(head !== undefined && { headers: { 'x-access-log-head': head } }),
      };
    },
  },
});

async function headOf(serviceId: string): Promise<string | undefined> {
  const [row] = await query<{ jws: string }>({
    text: 'select jws from api_access_heads where chain = $1 order by number desc limit 1',
    values: [serviceId],
  });
  return row?.jws;
}
