// What reading costs an account with a million legs, and one with a hundred: pages of the history and the account in the past, through the
// functions' own queries and over HTTP, with the plans.

import { join } from 'node:path';
import pg from 'pg';
import { hostOfFunction, ROOT } from '../../knative/functions.ts';
import { readManifests } from '../../knative/local/manifests.ts';
import { databaseUrl } from '../../knative/local/parts/postgres.ts';
import type { Parts } from '../../knative/local/parts/start-parts.ts';
import { processEnvironment } from '../../knative/local/process-environment.ts';
import { table, wrapped } from '../../knative/local/table.ts';
import { ACCOUNT_AT } from '../../shared/ledger/reading/account.ts';
import { type HistoryFilters, historyStatement } from '../../shared/ledger/reading/history.ts';
import { byNumber, encodeCursor } from '../../shared/platform/http/page.ts';
import { type FunctionProcess, startFunction, WITHOUT_PROOFS } from '../setup/function-process.ts';
import { makeAccounts } from './accounts.ts';
import { circumstancesOf } from './circumstances.ts';
import { randomFrom } from './distributions.ts';
import { makeLongHistory } from './long-history.ts';
import { type Measurement, type PlanLine, planText } from './measurement.ts';
import { onOwnParts } from './own-parts.ts';
import { makeTokenKey, type Person, signTokens, type TokenKey } from './tokens.ts';

const DATABASE = 'bench_history';
/** Each with a hundred legs; together they have paid the merchant a million times. */
const PEOPLE = 10_000;
const PAGE = 20;
const WARM_UP = 50;
const MEASURED = 500;
const DAY_MS = 86_400_000;

interface Reading {
  title: string;
  /** Anew for each request: other places, other times. */
  query(account: Measured, random: () => number): Asked;
}

type Asked = { filters: Filters; below?: string } | { at: string };
type Filters = { [Name in keyof HistoryFilters]?: NonNullable<HistoryFilters[Name]> };

interface Measured {
  title: string;
  id: string;
  legs: number;
  from: Date;
  token: string;
  references: readonly string[];
}

const readings: readonly Reading[] = [
  { title: 'first page', query: () => ({ filters: {} }) },
  {
    title: 'a page deep down',
    query: ({ legs }, random) => ({ filters: {}, below: String(PAGE + Math.ceil(random() * legs)) }),
  },
  {
    title: '`type=PAYMENT`, deep down',
    query: ({ legs }, random) => ({ filters: { type: 'PAYMENT' }, below: String(PAGE + Math.ceil(random() * legs)) }),
  },
  { title: '`from` and `to`: some day', query: (account, random) => ({ filters: someDay(account, random) }) },
  { title: '`to`: before some day', query: (account, random) => ({ filters: { to: someDay(account, random).to } }) },
  {
    title: '`reference`',
    query: ({ references }, random) => ({
      filters: { reference: references[Math.floor(random() * references.length)] ?? '' },
    }),
  },
  { title: '`type=TOPUP`: one, the oldest', query: () => ({ filters: { type: 'TOPUP' } }) },
  { title: '`type=TRANSFER`: none', query: () => ({ filters: { type: 'TRANSFER' } }) },
  { title: '`status=FAILED`: none', query: () => ({ filters: { status: 'FAILED' } }) },
  { title: '`payment_method=SHOPEE_PAY`: none', query: () => ({ filters: { payment_method: 'SHOPEE_PAY' } }) },
  { title: '`at`: some time', query: (account, random) => ({ at: someTime(account, random).toISOString() }) },
];

/** Figures and plans, as Markdown; on parts of its own, with the functions that `make build` has built. */
export async function measureHistory(seed: number, say: (text: string) => void): Promise<Measurement> {
  return onOwnParts(DATABASE, (parts, admin) => measureOn(parts, admin, seed, say));
}

async function measureOn(
  parts: Parts,
  admin: pg.Client,
  seed: number,
  say: (text: string) => void,
): Promise<Measurement> {
  const startedAt = performance.now();
  const people = await makeAccounts(admin, PEOPLE);
  const { legs, from } = await makeLongHistory(admin);
  say(`a year of ${legs} payments was written in ${Math.round((performance.now() - startedAt) / 1000)} s`);
  const key = await makeTokenKey('http://localhost:8080');
  const accounts = await accountsOf(people, key, admin, from);
  const password = parts.rolePasswords.reader;
  const url = databaseUrl(parts.postgres.adminUrl, DATABASE, { user: 'one_gate_reader', password });
  const client = await connect(url);
  const readers = await startReaders(parts, key, url);
  const next = randomFrom(seed);
  const random = () => next() / 2 ** 32;
  try {
    const rows: string[][] = [];
    for (const reading of readings) {
      for (const account of accounts) {
        const asked = () => reading.query(account, random);
        const sql = await times(async () => void (await client.query(statementOf(account, asked()))));
        const http = await times(() => request(readers, account, asked()));
        rows.push([reading.title, account.title, ...[...sql, ...http].map((time) => time.toFixed(2))]);
        say(rows.at(-1)?.join('  ') ?? '');
      }
    }
    const figures = [
      ...(await circumstancesOf({ parts })),
      wrapped(`- ${MEASURED} readings each, one after the other, in milliseconds; seed ${seed}`),
      '',
      ...table(['reading', 'legs', 'SQL p50', 'SQL p99', 'HTTP p50', 'HTTP p99'], rows),
    ];
    return { figures: figures.join('\n'), plans: (await plansOf(client, accounts, random)).join('\n\n') };
  } finally {
    for (const reader of Object.values(readers)) reader.kill('SIGTERM');
    await Promise.all(Object.values(readers).map(({ ended }) => ended));
    await client.end();
  }
}

async function connect(connectionString: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  return client;
}

async function accountsOf(people: Person[], key: TokenKey, admin: pg.Client, from: Date): Promise<Measured[]> {
  const merchant = people.filter(({ type }) => type === 'merchant');
  const chosen = [...merchant, ...people.slice(PEOPLE / 2, PEOPLE / 2 + 1)];
  const tokens = await signTokens(key, chosen, 0);
  const found: Measured[] = [];
  for (const [index, { accountId: id }] of chosen.entries()) {
    const { rows } = await admin.query<{ reference: string; legs: number }>(
      `select external_reference as reference, count(*) over ()::int as legs from historical_transactions
        where account_id = $1 and external_reference is not null order by random() limit 1000`,
      [id],
    );
    const legs = rows[0]?.legs ?? 0;
    const references = rows.map(({ reference }) => reference);
    found.push({ title: String(legs), id, legs, from, token: tokens[index] ?? '', references });
  }
  return found;
}

function statementOf({ id }: Measured, asked: Asked): pg.QueryConfig {
  if ('at' in asked) return { ...ACCOUNT_AT, values: [id, asked.at] };
  const { name, text, values } = historyStatement(id, asked.filters, asked.below ?? byNumber.top, PAGE + 1);
  return { ...(name && { name }), text, ...(values && { values }) };
}

async function request(readers: Readers, { token }: Measured, asked: Asked): Promise<void> {
  const search = new URLSearchParams('at' in asked ? { at: asked.at } : asked.filters);
  if ('filters' in asked && asked.below !== undefined) search.set('cursor', encodeCursor(asked.below, asked.filters));
  const address = 'at' in asked ? `${readers.account.url}/v1/account` : `${readers.transactions.url}/v1/transactions`;
  const answer = await fetch(`${address}?${search}`, { headers: { authorization: `Bearer ${token}` } });
  const text = await answer.text();
  if (answer.status !== 200) throw new Error(`${address} answered ${text}`);
}

interface Readers {
  account: FunctionProcess;
  transactions: FunctionProcess;
}

async function startReaders({ redis }: Parts, key: TokenKey, url: string): Promise<Readers> {
  const { services } = await readManifests(join(ROOT, 'knative/base'));
  const start = async (name: string) => {
    const manifest = await hostOfFunction(name, services);
    const secrets = {
      ...WITHOUT_PROOFS,
      'one-gate-database-reader': { url },
      'one-gate-redis': { url: redis.restUrl, token: redis.restToken },
    };
    const settings = {
      'public-url': key.issuer,
      'token-issuer': key.issuer,
      'token-audience': key.audience,
      'token-public-keys': key.publicKeys,
    };
    return startFunction(
      name,
      processEnvironment(manifest, { secrets, configMaps: { 'one-gate': settings }, sink: undefined }),
    );
  };
  return { account: await start('get-account'), transactions: await start('list-transactions') };
}

/** p50 and p99 in milliseconds. */
async function times(once: () => Promise<void>): Promise<[p50: number, p99: number]> {
  const measured: number[] = [];
  for (let count = -WARM_UP; count < MEASURED; count++) {
    const start = performance.now();
    await once();
    if (count >= 0) measured.push(performance.now() - start);
  }
  measured.sort((one, other) => one - other);
  return [measured[Math.floor(MEASURED * 0.5)] ?? 0, measured[Math.floor(MEASURED * 0.99)] ?? 0];
}

const PLANS = ['a page deep down', '`from` and `to`: some day', '`status=FAILED`: none', '`at`: some time'];

async function plansOf(client: pg.Client, [long]: readonly Measured[], random: () => number): Promise<string[]> {
  const plans: string[] = [];
  for (const { title, query } of readings.filter((reading) => PLANS.includes(reading.title))) {
    if (!long) continue;
    const { text, values } = statementOf(long, query(long, random));
    const { rows } = await client.query<PlanLine>({
      text: `explain (analyze, buffers, costs off) ${text}`,
      ...(values && { values }),
    });
    plans.push(planText(`${title}, ${long.title} legs`, rows));
  }
  return plans;
}

function someTime({ from }: Measured, random: () => number): Date {
  return new Date(from.getTime() + random() * (Date.now() - from.getTime()));
}

function someDay(account: Measured, random: () => number): { from: string; to: string } {
  const day = someTime(account, random);
  return { from: day.toISOString(), to: new Date(day.getTime() + DAY_MS).toISOString() };
}
