// GET /v1/regulator/transactions/export: all transactions of a range as one file, oldest first. A broken export can be
// resumed.

import { pipeline, Readable } from 'node:stream';
import { constants, createGzip } from 'node:zlib';
import * as v from 'valibot';
import { defineFunction, type Headers } from '../../shared/platform/http/function.ts';
import { Problem } from '../../shared/platform/http/problem.ts';
import { maxCharacters } from '../../shared/platform/http/text.ts';
import { rangeInOrder } from '../../shared/platform/http/time.ts';
import { recordAccess } from '../../shared/regulators/access-log.ts';
import { regulatorWith } from '../../shared/regulators/caller.ts';
import { currentCut, cutOfPosition, isCut, liesAhead } from '../../shared/regulators/cut.ts';
import { exportLines, FORMATS } from '../../shared/regulators/export.ts';
import { filterEntries } from '../../shared/regulators/filters.ts';
import { regulatorHeaders } from '../../shared/regulators/purpose.ts';
import { recordSchema } from '../../shared/regulators/record.ts';

export default defineFunction({
  name: 'export-regulated-transactions',
  summary: 'Transactions in bulk, for regulators',
  description:
    'The records of `/v1/regulator/transactions`, oldest first, as NDJSON or CSV; compressed with `Accept-Encoding: ' +
    'gzip`. The export shows the state of its beginning, named by `X-Export-Cut`. To resume a broken export send ' +
    '`after` (the `id` of the last whole record) and `cut`. If an export fails, the connection breaks, so that a ' +
    'part is never taken for the whole. Names are masked.',
  uses: { database: 'regulator', redis: true },
  http: {
    route: 'GET /v1/regulator/transactions/export',
    caller: regulatorWith('READ_TRANSACTIONS'),
    headers: regulatorHeaders,
    beforeAnswer: recordAccess,
    query: v.pipe(
      v.strictObject({
        ...filterEntries,
        format: v.optional(v.picklist(['ndjson', 'csv']), 'ndjson'),
        after: v.optional(
          v.pipe(
            v.string(),
            v.toLowerCase(),
            v.uuid('must be the id of a record'),
            v.description('Continues after this record.'),
          ),
        ),
        cut: v.optional(
          v.pipe(
            v.string(),
            maxCharacters(2200, 'must be an X-Export-Cut'),
            v.transform((cut) => (/^\d+$/.test(cut) ? cutOfPosition(cut) : cut)),
            v.check(isCut, 'must be an X-Export-Cut, or cut.position of a report'),
            v.description(
              'The `X-Export-Cut` of the broken export, or the `cut.position` of a report, for the records created ' +
                'until then.',
            ),
          ),
        ),
      }),
      rangeInOrder(),
    ),
    answer: recordSchema,
    status: 200,
    raw: FORMATS.ndjson,
    streams: true,
    errors: [],

    handle: async ({ headers, query: { format, after, cut: given, ...filters } }) => {
      const latest = await currentCut();
      if (given !== undefined && liesAhead(given, latest)) {
        throw new Problem('invalid_request', { errors: [{ pointer: 'query/cut', detail: 'is in the future' }] });
      }
      const cut = given ?? latest;
      const lines = Readable.from(exportLines({ format, filters, cut, after }), { objectMode: true, highWaterMark: 1 });
      const name = `attachment; filename="transactions.${format}"`;
      const said = { 'x-export-cut': cut, 'content-disposition': name, vary: 'accept-encoding' };
      if (!takesGzip(headers)) return { raw: lines, contentType: FORMATS[format], headers: said };
      // Z_BEST_SPEED makes a third of the size in a sixth of the time of the default level.
      const zipped = createGzip({ level: constants.Z_BEST_SPEED, chunkSize: 64 * 1024 });
      // The caller learns of a failure from the error of the last stream.
      pipeline(lines, zipped, () => undefined);
      return { raw: zipped, contentType: FORMATS[format], headers: { ...said, 'content-encoding': 'gzip' } };
    },
  },
});

function takesGzip(headers: Headers): boolean {
  return /(?:^|,)\s*(?:gzip|\*)\s*(?:;\s*q=(?!0(?:\.0*)?\s*(?:,|$))|,|$)/i.test(
    String(headers['accept-encoding'] ?? ''),
  );
}
