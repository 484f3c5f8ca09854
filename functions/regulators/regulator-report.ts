// GET /v1/regulator/report: the figures of a period, from sums up to a complete cut. A report is kept as it was first
// given out.

import { v7 } from 'uuid';
import * as v from 'valibot';
import { query, transaction } from '../../shared/platform/database/database.ts';
import { revision } from '../../shared/platform/environment.ts';
import { defineFunction, type Reply } from '../../shared/platform/http/function.ts';
import { Problem } from '../../shared/platform/http/problem.ts';
import { recordAccess } from '../../shared/regulators/access-log.ts';
import { regulatorWith } from '../../shared/regulators/caller.ts';
import { regulatorHeaders } from '../../shared/regulators/purpose.ts';
import { codeVersion, queryHash, reportOf } from '../../shared/regulators/report.ts';
import { reportCsv } from '../../shared/regulators/report-csv.ts';
import { reportPage } from '../../shared/regulators/report-page.ts';
import { type Report, reportSchema } from '../../shared/regulators/report-schema.ts';
import { type Period, readSums } from '../../shared/regulators/report-sums.ts';

const MOST_DAYS = 366;
const DAY_MS = 86_400_000;

const day = v.pipe(
  v.string(),
  v.regex(/^20\d\d-\d\d-\d\d$/, 'must be a day such as 2026-10-01'),
  v.check((text) => new Date(text).toJSON()?.startsWith(text) ?? false, 'must be a day that exists'),
);

const Query = v.pipe(
  v.strictObject({
    from: v.optional(v.pipe(day, v.description('The first day, in Asia/Jakarta.'), v.examples(['2026-10-01']))),
    to: v.optional(v.pipe(day, v.description('The last day, inclusive.'), v.examples(['2026-10-31']))),
    id: v.optional(
      v.pipe(v.string(), v.uuid('must be the id of a report'), v.description('A report that was given out before.')),
    ),
    format: v.optional(v.picklist(['json', 'csv', 'html']), 'json'),
  }),
  v.check(
    ({ from, to, id }) =>
      id === undefined ? from !== undefined && to !== undefined : from === undefined && to === undefined,
    'must have from and to, or id alone',
  ),
  v.check(({ from = '', to = from }) => from <= to, 'must not end before it begins'),
  v.check(
    ({ from = '', to = from }) => from === '' || Date.parse(to) - Date.parse(from) < MOST_DAYS * DAY_MS,
    `must have at most ${MOST_DAYS} days`,
  ),
);

interface Kept {
  id: string;
  json: string;
  csv: string;
  html: string;
}

export default defineFunction({
  name: 'regulator-report',
  summary: 'The report for regulators',
  description:
    'Totals by day, type, status and method, active users, failure rates, top-ups against outflow, the float, large ' +
    'and unusual transactions, and control totals, as JSON, CSV or a page. It covers the ledger up to `cut`, which ' +
    'advances every minute. Reports are kept: by its `id` you get the same report, byte for byte, in each format. ' +
    'JSON is the report itself, without an envelope.',
  uses: { database: 'regulator', redis: true },
  http: {
    route: 'GET /v1/regulator/report',
    caller: regulatorWith('READ_REPORTS'),
    headers: regulatorHeaders,
    beforeAnswer: recordAccess,
    query: Query,
    answer: reportSchema,
    status: 200,
    raw: 'application/json',
    errors: ['report_not_found', 'report_not_ready'],

    handle: async ({ caller: { serviceId }, query: { from, to, id, format } }) => {
      const kept = id === undefined ? await reportOn(serviceId, { from, to } as Period) : await findById(serviceId, id);
      if (!kept) throw new Problem('report_not_found');
      return replyWith(kept, format);
    },
  },
});

function replyWith({ id, json, csv, html }: Kept, format: 'json' | 'csv' | 'html'): Reply<never> {
  const headers = { 'x-report-id': id };
  if (format === 'json') return { raw: json, contentType: 'application/json', headers };
  if (format === 'html') {
    const page = reportPage(JSON.parse(json)).headers;
    return { raw: html, contentType: 'text/html; charset=utf-8', headers: { ...headers, ...page } };
  }
  const name = `attachment; filename="report-${id}.csv"`;
  return { raw: csv, contentType: 'text/csv; charset=utf-8', headers: { ...headers, 'content-disposition': name } };
}

/** Returns the kept report at the present cut, or makes it. */
async function reportOn(serviceId: string, period: Period): Promise<Kept | undefined> {
  const version = codeVersion(revision());
  const present = await presentCut();
  const known = await findByQuestion(serviceId, period, present, version);
  if (known) return known;
  const report = await transaction(async (ask) => {
    // All sums are read in one snapshot, because the schedule may advance them meanwhile.
    await ask({ text: 'set transaction isolation level repeatable read, read only' });
    const cut = await cutOf(ask);
    const sums = await readSums(ask, 'rollups', cut.position, period);
    return reportOf({ id: v7(), period, cut, codeVersion: version }, sums);
  });
  await keep(serviceId, report);
  return findByQuestion(serviceId, period, report.cut.position, version);
}

async function presentCut(): Promise<string> {
  return (await cutOf(query)).position;
}

async function cutOf(ask: typeof query): Promise<{ position: string; at: Date }> {
  const [cut] = await ask<{ position: string; at: Date }>({
    text: "select position::text as position, cut_at as at from report_cut where position > '0'",
  });
  if (!cut) throw new Problem('report_not_ready', { headers: { 'retry-after': '60' } });
  return cut;
}

async function keep(serviceId: string, report: Report): Promise<void> {
  await query({
    text: `
      insert into regulator_reports (id, external_service_id, query_hash, code_version, position, json, csv, html)
      values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (external_service_id, query_hash, position, code_version) do nothing`,
    values: [
      report.id,
      serviceId,
      report.query_hash,
      report.code_version,
      report.cut.position,
      JSON.stringify(report, null, 2),
      reportCsv(report),
      reportPage(report).text,
    ],
  });
}

async function findByQuestion(
  serviceId: string,
  period: Period,
  position: string,
  version: string,
): Promise<Kept | undefined> {
  const [row] = await query<Kept>({
    text: `
      select id, json, csv, html from regulator_reports
       where external_service_id = $1 and query_hash = $2 and position = $3 and code_version = $4`,
    values: [serviceId, queryHash(period), position, version],
  });
  return row;
}

async function findById(serviceId: string, id: string): Promise<Kept | undefined> {
  const [row] = await query<Kept>({
    text: 'select id, json, csv, html from regulator_reports where id = $1 and external_service_id = $2',
    values: [id, serviceId],
  });
  return row;
}
