// What regulators read of ten million transactions: pages, the monthly report, and the export, over HTTP, with the plans.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type pg from 'pg';
import { hostOfFunction, ROOT } from '../../knative/functions.ts';
import { makeSigningKey } from '../../knative/local/keys.ts';
import { readManifests } from '../../knative/local/manifests.ts';
import { databaseUrl } from '../../knative/local/parts/postgres.ts';
import type { Parts } from '../../knative/local/parts/start-parts.ts';
import { processEnvironment } from '../../knative/local/process-environment.ts';
import { table, wrapped } from '../../knative/local/table.ts';
import type { Query } from '../../shared/platform/database/database.ts';
import { byId } from '../../shared/platform/http/page.ts';
import { keptOf, newApiKey } from '../../shared/regulators/api-key.ts';
import { cutOfPosition } from '../../shared/regulators/cut.ts';
import { chunkStatement } from '../../shared/regulators/export.ts';
import type { Filters } from '../../shared/regulators/filters.ts';
import { pageStatement } from '../../shared/regulators/listing.ts';
import { type Period, readSums } from '../../shared/regulators/report-sums.ts';
import { type FunctionProcess, startFunction, WITHOUT_PROOFS } from '../setup/function-process.ts';
import { circumstancesOf } from './circumstances.ts';
import { randomFrom } from './distributions.ts';
import { type Measurement, type PlanLine, planText } from './measurement.ts';
import { onOwnParts } from './own-parts.ts';
import { type SeededHistory, seedHistory } from './seed-history.ts';

const DATABASE = 'bench_regulators';
const PAGE = 100;
const WARM_UP = 20;
const MEASURED = 200;
const LIST = '/v1/regulator/transactions';

type Search = Record<string, string>;

interface Bench {
  admin: pg.Client;
  history: SeededHistory;
  functions: Record<'list' | 'export' | 'report', FunctionProcess>;
  headers: Record<string, string>;
  random(): number;
}

/** A page is asked for as of some moment of the month, a different one each time. */
const pages: { title: string; search(bench: Bench, some: Some): Search }[] = [
  { title: 'no filter', search: () => ({}) },
  { title: '`from` and `to`: some hour', search: (bench) => someHour(bench) },
  { title: '`type=PAYMENT`', search: () => ({ type: 'PAYMENT' }) },
  { title: '`type=TRANSFER`', search: () => ({ type: 'TRANSFER' }) },
  { title: '`type=TOPUP`', search: () => ({ type: 'TOPUP' }) },
  { title: '`type=REFUND`', search: () => ({ type: 'REFUND' }) },
  { title: '`status=SUCCESS`', search: () => ({ status: 'SUCCESS' }) },
  { title: '`status=FAILED`', search: () => ({ status: 'FAILED' }) },
  { title: '`status=CANCELLED`', search: () => ({ status: 'CANCELLED' }) },
  { title: '`status=PENDING`: none', search: () => ({ status: 'PENDING' }) },
  { title: '`payment_method=GOPAY`', search: () => ({ payment_method: 'GOPAY' }) },
  { title: '`payment_method=SHOPEE_PAY`: none', search: () => ({ payment_method: 'SHOPEE_PAY' }) },
  { title: '`amount_from`, `amount_to`: a tenth', search: () => ({ amount_from: '40000', amount_to: '48000' }) },
  { title: '`amount_from`: one in 25 000', search: () => ({ amount_from: '10000000' }) },
  { title: '`type=TRANSFER` and a rare amount', search: () => ({ type: 'TRANSFER', amount_from: '499000' }) },
  { title: '`account_id`: a person', search: (_bench, { person }) => ({ account_id: person }) },
  { title: '`account_id`: a merchant', search: (_bench, { merchant }) => ({ account_id: merchant }) },
  { title: '`user_id`: a person', search: (_bench, { user }) => ({ user_id: user }) },
];

interface Some {
  person: string;
  merchant: string;
  user: string;
}

/** Figures and plans, as Markdown; on parts of its own, with the functions that `make build` has built. */
export async function measureRegulators(
  seed: number,
  transactions: number,
  say: (text: string) => void,
): Promise<Measurement> {
  return onOwnParts(DATABASE, (parts, admin) => measureOn(parts, admin, seed, transactions, say));
}

async function measureOn(
  parts: Parts,
  admin: pg.Client,
  seed: number,
  transactions: number,
  say: (text: string) => void,
): Promise<Measurement> {
  const facts: string[][] = [];
  const fact = (what: string, figure: string) => {
    facts.push([what, figure]);
    say(`${what}: ${figure}`);
  };
  const [seedSeconds, history] = await timed(() => seedHistory(admin, transactions, say));
  fact('`make seed-history`, indexes and vacuum included', `${Math.round(seedSeconds)} s`);
  fact('size of the database', await sizeOf(admin));
  const [advanceSeconds] = await timed(() => admin.query('select advance_report_rollups(1000000000000)'));
  fact('the sums of reports, from nothing', `${advanceSeconds.toFixed(1)} s`);
  const [againSeconds] = await timed(() => admin.query('select advance_report_rollups(1000000000000)'));
  fact('the sums again, a moment later', `${(againSeconds * 1000).toFixed(0)} ms`);
  const key = await issueKey(admin);
  const functions = await startFunctions(parts);
  const next = randomFrom(seed);
  const headers = {
    'x-api-key': key,
    'x-purpose-code': 'TEST',
    'x-real-ip': '127.0.0.1',
    'accept-encoding': 'identity',
  };
  const bench: Bench = { admin, history, functions, headers, random: () => next() / 2 ** 32 };
  try {
    const rows = await measurePages(bench, say);
    await measureReport(bench, fact);
    await measureExport(bench, fact);
    const figures = [
      ...(await circumstancesOf({ parts })),
      wrapped(
        `- ${transactions.toLocaleString('en-US')} transactions from ${history.from} to ${history.to}; ${MEASURED} pages each, one after ` +
          `the other, over HTTP (key, limits in Redis, access log and all), at most ${PAGE} records; seed ${seed}`,
      ),
      '',
      ...table(['page', 'p50 ms', 'p95 ms', 'most ms', 'records'], rows),
      '',
      ...table(['', ''], facts),
    ];
    return { figures: figures.join('\n'), plans: (await plansOf(bench)).join('\n\n') };
  } finally {
    for (const each of Object.values(functions)) each.kill('SIGTERM');
    await Promise.all(Object.values(functions).map(({ ended }) => ended));
  }
}

async function measurePages(bench: Bench, say: (text: string) => void): Promise<string[][]> {
  const rows: string[][] = [];
  const some = await somebodies(bench);
  for (const { title, search } of pages) {
    const times: number[] = [];
    let records = 0;
    for (let turn = -WARM_UP; turn < MEASURED; turn++) {
      const asked = search(bench, some[Math.floor(bench.random() * some.length)] as Some);
      const wallet = 'account_id' in asked || 'user_id' in asked;
      const place = wallet || 'to' in asked ? {} : { to: someMoment(bench).toISOString() };
      const [seconds, answer] = await timed(() =>
        get(bench, 'list', `${LIST}?${new URLSearchParams({ ...asked, ...place, limit: String(PAGE) })}`),
      );
      if (turn < 0) continue;
      times.push(seconds * 1000);
      records += JSON.parse(answer).data.length;
    }
    times.sort((one, other) => one - other);
    const at = (share: number) => (times[Math.floor(MEASURED * share)] ?? 0).toFixed(1);
    rows.push([title, at(0.5), at(0.95), (times.at(-1) ?? 0).toFixed(1), String(Math.round(records / MEASURED))]);
    say(rows.at(-1)?.join('  ') ?? '');
  }
  return rows;
}

async function measureReport(bench: Bench, fact: (what: string, figure: string) => void): Promise<void> {
  const { from, to } = bench.history;
  const address = (period: Period) => `/v1/regulator/report?${new URLSearchParams({ ...period })}`;
  const [first, text] = await timed(() => get(bench, 'report', address({ from, to })));
  fact('the report of the month, made', `${(first * 1000).toFixed(0)} ms`);
  const [kept] = await timed(() => get(bench, 'report', address({ from, to })));
  fact('the same, kept', `${(kept * 1000).toFixed(0)} ms`);
  const others: number[] = [];
  for (let day = 1; day <= 28; day++) {
    const period = { from, to: `${to.slice(0, 8)}${String(day).padStart(2, '0')}` };
    others.push((await timed(() => get(bench, 'report', address(period))))[0]);
  }
  others.sort((one, other) => one - other);
  fact(
    '28 reports of one to 28 days, made: median and most',
    `${((others[14] ?? 0) * 1000).toFixed(0)}, ${((others.at(-1) ?? 0) * 1000).toFixed(0)} ms`,
  );
  const ask: Query = async ({ text: sql, values }) => (await bench.admin.query(sql, values)).rows as never;
  const { position } = JSON.parse(text).cut;
  const [seconds, legs] = await timed(() => readSums(ask, 'legs', position, { from, to }));
  const rollups = await readSums(ask, 'rollups', position, { from, to });
  const same = JSON.stringify(legs) === JSON.stringify(rollups) ? 'the same' : 'NOT THE SAME';
  fact('its sums from the legs, at the same cut', `${seconds.toFixed(1)} s, ${same}`);
}

async function measureExport(bench: Bench, fact: (what: string, figure: string) => void): Promise<void> {
  const { from } = bench.history;
  const days = { to: `${from.slice(0, 8)}11T00:00:00+07:00` };
  for (const [title, search, headers] of [
    ['the whole month as NDJSON', {}, {}],
    ['its first ten days as CSV', { ...days, format: 'csv' }, {}],
    ['the same as NDJSON, gzip', days, { 'accept-encoding': 'gzip' }],
  ] as const) {
    const began = performance.now();
    const answer = await fetch(`${bench.functions.export.url}${LIST}/export?${new URLSearchParams(search)}`, {
      headers: { ...bench.headers, ...headers },
    });
    if (!answer.ok || !answer.body) throw new Error(`the export answered ${await answer.text()}`);
    let lines = 0;
    let bytes = 0;
    // Node's fetch undoes the compression; the lines are counted all the same.
    for await (const piece of answer.body) {
      bytes += piece.length;
      for (const byte of piece) if (byte === 10) lines++;
    }
    const seconds = (performance.now() - began) / 1000;
    const memory = await highestMemory(bench.functions.export.pid);
    fact(
      title,
      `${Math.round(lines / seconds).toLocaleString('en-US')} rows/s (${lines.toLocaleString('en-US')} rows, ${Math.round(bytes / 1e6)} MB in ${Math.round(seconds)} s); at most ${memory} MB so far`,
    );
  }
}

async function highestMemory(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Math.round(Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024);
}

async function get(bench: Bench, name: keyof Bench['functions'], path: string): Promise<string> {
  const answer = await fetch(`${bench.functions[name].url}${path}`, { headers: bench.headers });
  const text = await answer.text();
  if (answer.status !== 200) throw new Error(`${path} answered ${text}`);
  return text;
}

async function timed<Result>(work: () => Promise<Result>): Promise<[seconds: number, result: Result]> {
  const began = performance.now();
  const result = await work();
  return [(performance.now() - began) / 1000, result];
}

async function sizeOf(admin: pg.Client): Promise<string> {
  const { rows } = await admin.query<{ size: string }>(
    'select pg_size_pretty(pg_database_size(current_database())) as size',
  );
  return rows[0]?.size ?? '';
}

async function issueKey(admin: pg.Client): Promise<string> {
  const key = newApiKey();
  const { hash, gatewayDigest, hint } = keptOf(key);
  await admin.query(
    `with service as (
       insert into external_services (company, consumer, contact_email) values ('Bench', 'bench', 'bench@example.test') returning id)
     insert into api_keys (external_service_id, key_name, key_hash, gateway_digest, hint, permissions, rate_limit_count, allowed_networks)
     select id, 'bench', $1, $2, $3, '{READ_TRANSACTIONS,READ_REPORTS}', 1000000, '{127.0.0.0/8}' from service`,
    [hash, gatewayDigest, hint],
  );
  return key;
}

async function startFunctions({ postgres, redis, rolePasswords }: Parts): Promise<Bench['functions']> {
  const { services } = await readManifests(join(ROOT, 'knative/base'));
  const url = databaseUrl(postgres.adminUrl, DATABASE, {
    user: 'one_gate_regulator',
    password: rolePasswords.regulator,
  });
  const receipts = await makeSigningKey();
  const start = async (name: string) => {
    const manifest = await hostOfFunction(name, services);
    const secrets = {
      ...WITHOUT_PROOFS,
      'one-gate-database-regulator': { url },
      'one-gate-redis': { url: redis.restUrl, token: redis.restToken },
      'one-gate-receipt-keys': { jwks: receipts.signing },
    };
    const configMaps = {
      'one-gate': { 'public-url': 'http://localhost:8080', 'receipt-public-keys': receipts.published },
    };
    return startFunction(name, processEnvironment(manifest, { secrets, configMaps, sink: undefined }));
  };
  return {
    list: await start('list-regulated-transactions'),
    export: await start('export-regulated-transactions'),
    report: await start('regulator-report'),
  };
}

async function somebodies({ admin }: Bench): Promise<Some[]> {
  const { rows } = await admin.query<Some>(`
    select person.id as person, owner.pseudonym as user,
           (select id from accounts where kind = 'MERCHANT' order by random() limit 1) as merchant
      from accounts person join users owner on owner.id = person.user_id
     where person.kind = 'PERSON' and person.version > 10 order by random() limit 50`);
  return rows;
}

function someMoment({ history: { from, to }, random }: Bench): Date {
  const start = Date.parse(`${from}T06:00:00+07:00`);
  return new Date(start + random() * (Date.parse(`${to}T23:00:00+07:00`) - start));
}

function someHour(bench: Bench): Search {
  const start = someMoment(bench);
  return { from: start.toISOString(), to: new Date(start.getTime() + 3_600_000).toISOString() };
}

async function plansOf({ admin, history: { from, to } }: Bench): Promise<string[]> {
  const middle = `${from.slice(0, 8)}15T12:00:00+07:00`;
  const position =
    (await admin.query<{ position: string }>('select position::text from report_cut')).rows[0]?.position ?? '';
  const cut = cutOfPosition(position);
  const [chunkEnd, chunkBegin] = (
    await admin.query<{ id: string }>(
      `select id from (values (4000), (8000)) as place (legs), lateral (select id from historical_transactions
          where id < uuidv7_from($1::date::timestamp at time zone 'Asia/Jakarta') order by id desc offset place.legs limit 1) leg`,
      [to],
    )
  ).rows.map(({ id }) => id);
  const page = (filters: Filters) => pageStatement({ to: middle, ...filters }, cut, byId.top, PAGE, false);
  const sums: { text: string; values?: unknown[] }[] = [];
  await readSums(
    async (statement) => {
      sums.push(statement);
      return [];
    },
    'rollups',
    position,
    { from, to },
  );
  const plans: [string, { text: string; values?: unknown[] } | undefined][] = [
    ['a page without a filter', page({})],
    ['a page of `status=FAILED`', page({ status: 'FAILED' })],
    ['a page of a rare amount: a bounded read, a short page', page({ amount_from: '10000000.00' })],
    ['a chunk of the export', chunkStatement('ndjson', {}, cut, chunkBegin ?? '', chunkEnd)],
    ['the active users of the report', sums[0]],
    ['the totals of the report', sums[1]],
  ];
  await admin.query('set plan_cache_mode = force_custom_plan; set jit = off');
  const texts: string[] = [];
  for (const [title, statement] of plans) {
    if (!statement) continue;
    const { rows } = await admin.query<PlanLine>({
      text: `explain (analyze, buffers, costs off, summary off) ${statement.text}`,
      ...(statement.values && { values: statement.values }),
    });
    texts.push(planText(title, rows));
  }
  return texts;
}
