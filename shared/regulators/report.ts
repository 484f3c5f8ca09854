// The report for regulators: the figures of a period, up to a complete cut of the ledger. The same period at the same
// cut gives the same report from either source of its sums.

import { createHash } from 'node:crypto';
import { formatAmount, parseAmount } from '../money.ts';
import { RULES, type Rule } from './notable.ts';
import type { Report } from './report-schema.ts';
import type { Flow, Period, Sums, Total } from './report-sums.ts';

/** Raise it with every change of a report's content or of its counting. */
const VERSION = 1;

/** Identifies a query: two reports with the same hash and cut are the same. */
export function queryHash({ from, to }: Period): string {
  return createHash('sha256')
    .update(JSON.stringify({ report: VERSION, from, to }))
    .digest('hex');
}

export function codeVersion(revision: string): string {
  return `report ${VERSION}, ${revision}`;
}

export interface Particulars {
  id: string;
  period: Period;
  cut: { position: string; at: Date };
  codeVersion: string;
}

const EMPTY = { transactions: 0, amount: 0n };

export function reportOf({ id, period, cut, codeVersion: version }: Particulars, sums: Sums): Report {
  const open = sums.totals.filter(({ accessible }) => accessible);
  const withheld = sums.totals.filter(({ accessible }) => !accessible);
  const all = added(open);
  const flows = flowsOf(sums.flows);
  return {
    id,
    title:
      period.from === period.to ? `Transactions of ${period.from}` : `Transactions from ${period.from} to ${period.to}`,
    period: { ...period, time_zone: 'Asia/Jakarta', complete: cut.at.getTime() >= endOf(period.to) },
    cut: { position: cut.position, at: cut.at.toISOString() },
    query_hash: queryHash(period),
    code_version: version,
    by_day: grouped(open, ({ day }) => day).map(([day, rows]) => ({
      day,
      ...shown(added(rows)),
      succeeded: countOf(rows, ['SUCCESS']),
      failed: countOf(rows, ['FAILED', 'CANCELLED']),
      pending: countOf(rows, ['PENDING']),
    })),
    by_type: grouped(open, ({ type }) => type).map(([type, rows]) => ({ type, ...shown(added(rows)) })),
    by_status: grouped(open, ({ status }) => status).map(([status, rows]) => ({ status, ...shown(added(rows)) })),
    by_method: grouped(open, (row) => row.payment_method ?? '').map(([method, rows]) => ({
      payment_method: method || null,
      ...shown(added(rows)),
    })),
    active_users: sums.activeUsers,
    failure_rates: grouped(open, ({ type }) => type).map(([type, rows]) => {
      const failed = countOf(rows, ['FAILED', 'CANCELLED']);
      const ended = failed + countOf(rows, ['SUCCESS']);
      return { type, ended, failed, rate: (ended === 0 ? 0 : failed / ended).toFixed(4) };
    }),
    topups_and_outflow: {
      topups: formatAmount(flows.topups),
      outflow: formatAmount(flows.outflow),
      net: formatAmount(flows.topups - flows.outflow),
    },
    float: flows.float,
    notable: (Object.keys(RULES) as Rule[]).map((rule) => {
      const found = sums.notable.find((each) => each.rule === rule);
      return {
        rule,
        meaning: RULES[rule],
        transactions: Number(found?.transactions ?? 0),
        amount: found?.amount ?? '0.00',
        largest: sums.examples.filter((each) => each.rule === rule).map(({ rule: _rule, ...example }) => example),
      };
    }),
    control: { ...shown(all), ...flows.control, withheld: added(withheld).transactions },
  };
}

/** The end of a day in Asia/Jakarta, which has no daylight saving time. */
function endOf(day: string): number {
  return Date.parse(`${day}T00:00:00+07:00`) + 86_400_000;
}

function grouped(rows: readonly Total[], by: (row: Total) => string): [string, Total[]][] {
  return [...Map.groupBy(rows, by)].sort(([one], [other]) => (one < other ? -1 : 1));
}

function added(rows: readonly Total[]): { transactions: number; amount: bigint } {
  return rows.reduce(
    (sum, row) => ({
      transactions: sum.transactions + Number(row.transactions),
      amount: sum.amount + parseAmount(row.amount),
    }),
    EMPTY,
  );
}

function shown({ transactions, amount }: { transactions: number; amount: bigint }) {
  return { transactions, amount: formatAmount(amount) };
}

function countOf(rows: readonly Total[], statuses: readonly string[]): number {
  return added(rows.filter(({ status }) => statuses.includes(status))).transactions;
}

function flowsOf(flows: readonly Flow[]) {
  const sum = (member: 'debits' | 'credits' | 'standing', wanted: (flow: Flow) => boolean) =>
    flows.filter(wanted).reduce((total, flow) => total + parseAmount(flow[member]), 0n);
  const ofPeople = (type: string) => (flow: Flow) => flow.holder === 'people' && flow.type === type;
  const left = (type: string) => sum('debits', ofPeople(type)) - sum('credits', ofPeople(type));
  const standing = (holder: string) => sum('standing', (flow) => flow.holder === holder);
  const own = [...new Set(flows.map(({ holder }) => holder))].filter(
    (holder) => !/^(?:people|merchants)$/.test(holder),
  );
  const suspense = own
    .filter((holder) => holder.startsWith('suspense:'))
    .reduce((total, each) => total + standing(each), 0n);
  const held = own
    .filter((holder) => !holder.startsWith('suspense:'))
    .map((holder) => [holder, -standing(holder)] as const);
  const owed = { people: standing('people'), merchants: standing('merchants') };
  const heldInAll = held.reduce((total, [, amount]) => total + amount, 0n);
  return {
    topups: sum('credits', ofPeople('TOPUP')),
    outflow: left('PAYMENT') + left('REFUND'),
    float: {
      owed: { people: formatAmount(owed.people), merchants: formatAmount(owed.merchants) },
      held: Object.fromEntries(held.map(([holder, amount]) => [holder, formatAmount(amount)])),
      suspense: formatAmount(suspense),
      difference: formatAmount(heldInAll - owed.people - owed.merchants - suspense),
    },
    control: {
      legs: flows.reduce((total, { legs }) => total + Number(legs), 0),
      debits: formatAmount(sum('debits', () => true)),
      credits: formatAmount(sum('credits', () => true)),
    },
  };
}
