// Pages of transactions for regulators, newest first, that neither skip nor repeat: the first page takes a cut, and all pages show exactly
// what had been committed by then, as it stands when they are read.
//
// A page reads a bounded number of legs. Where what is asked for is rare it may be short, or empty, and have a next page all the same.

import { query, type Statement } from '../database/database.ts';
import { Problem } from '../http/problem.ts';
import type { TransactionStatus, TransactionType } from '../ledger/posting.ts';
import type { PaymentMethod } from '../providers/providers.ts';
import { currentCut, isCut } from './cut.ts';
import { COUNTS, JOINS, jsonLine, type RegulatedTransaction } from './record.ts';

export interface Filters {
  /** RFC 3339, of the creation; from inclusive, to exclusive. */
  from?: string | undefined;
  to?: string | undefined;
  type?: TransactionType | undefined;
  status?: TransactionStatus | undefined;
  payment_method?: PaymentMethod | undefined;
  amount_from?: string | undefined;
  amount_to?: string | undefined;
}

export interface Page {
  transactions: RegulatedTransaction[];
  /** Where the next page begins; undefined at the end. */
  next: string | undefined;
}

/**
 * So many legs are read for one page, and no more: neighbours on the disk, or those of a wallet, which lie all over it. The last of them comes
 * with the page even if it does not belong there: it says where the next one begins, by the same look at the ledger.
 */
const MOST_READ = 6_000;
const MOST_READ_OF_WALLET = 2_000;
export const FIRST_ID = '00000000-0000-0000-0000-000000000000';
export const LAST_ID = 'ffffffff-ffff-ffff-ffff-ffffffffffff';

/** What narrows the legs that are read, by an index; each value becomes a parameter. */
export function narrowing({ from, to, type, status, payment_method: method }: Filters, values: unknown[]): string {
  const start = from === undefined ? `'${FIRST_ID}'` : `uuidv7_from($${values.push(from)}::timestamptz)`;
  const end = to === undefined ? `'${LAST_ID}'` : `uuidv7_from($${values.push(to)}::timestamptz)`;
  const range = [`leg.id >= ${start}`, `leg.id < ${end}`];
  // Literals, out of fixed lists: for the planner to see which of the indexes of rare legs (0020) holds them.
  if (status !== undefined && status !== 'SUCCESS') range.push(`leg.transaction_status = '${status}'`);
  else if (method !== undefined) range.push(`leg.payment_method = '${method}'`);
  else if (type === 'REFUND') range.push(`leg.transaction_type = 'REFUND'`);
  return range.join(' and ');
}

/** What of the legs that were read is shown. */
export function selection(filters: Filters, values: unknown[]): string {
  const { type, status, payment_method: method, amount_from: least, amount_to: most } = filters;
  return [
    'leg.is_accessible_external',
    ...(type === undefined ? [] : [`leg.transaction_type = '${type}'`]),
    ...(status === undefined ? [] : [`leg.transaction_status = '${status}'`]),
    ...(method === undefined ? [] : [`leg.payment_method = '${method}'`]),
    ...(least === undefined ? [] : [`leg.amount >= $${values.push(least)}::numeric`]),
    ...(most === undefined ? [] : [`leg.amount <= $${values.push(most)}::numeric`]),
  ].join(' and ');
}

const ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** One page of everybody's transactions. `after`: `next` of the page before. */
export async function readPage(
  filters: Filters,
  after: string | undefined,
  limit: number,
  unmasked: boolean,
): Promise<Page> {
  const [cut = '', below = ''] = after?.split('/') ?? [await currentCut(), LAST_ID];
  if (!isCut(cut) || !ID.test(below)) throw new Problem('invalid_cursor');
  const rows = await query<Row>(pageStatement(filters, cut, below, limit, unmasked));
  const next = nextAfter(rows, limit)?.id;
  return { transactions: shown(rows), next: next && `${cut}/${next}` };
}

/** Shown in test/bench, with its plan. */
export function pageStatement(
  filters: Filters,
  cut: string,
  below: string,
  limit: number,
  unmasked: boolean,
): Statement {
  const values: unknown[] = [cut, below, limit];
  const belongs = `pg_visible_in_snapshot(leg.created_position, $1) and ${COUNTS} and ${selection(filters, values)}`;
  return {
    text: `
      with read as (
        select leg.*, row_number() over (order by leg.id desc) = ${MOST_READ} as is_last from historical_transactions leg
         where leg.id < $2 and ${narrowing(filters, values)}
         order by leg.id desc limit ${MOST_READ}
      ), page as (
        select * from (select *, ${belongs} as belongs from read leg) leg
         where belongs or is_last order by id desc limit $3
      )
      select leg.id, leg.leg_number, is_last, case when belongs then ${jsonLine(unmasked)} end as line from page leg ${JOINS} order by leg.id desc`,
    values,
  };
}

interface Row {
  id: string;
  leg_number: string;
  /** Null for one that is only there as the last that was read. */
  line: string | null;
  is_last: boolean;
}

/** The row behind which the next page begins; undefined at the end of the list. */
function nextAfter(rows: readonly Row[], limit: number): Row | undefined {
  const last = rows.at(-1);
  return rows.length === limit || last?.is_last ? last : undefined;
}

const LEG_NUMBER = /^\d{1,18}$/;
const LAST_LEG = '9223372036854775807';

/**
 * One page of one wallet's transactions, its own side of them: first what was pending when the list began, then the rest by the time it
 * came to its end. There is no index of an account's legs by time, which payments would pay for; its legs by number are enough, since
 * what has ended never changes, and what was pending at the cut is told by its positions.
 */
export async function readAccountPage(
  accountId: string,
  filters: Filters,
  after: string | undefined,
  limit: number,
  unmasked: boolean,
): Promise<Page> {
  const [cut = '', top = '', below = ''] = after?.split('/') ?? (await beginAccount(accountId));
  const amongPending = ID.test(below);
  if (!isCut(cut) || !LEG_NUMBER.test(top) || !(amongPending || LEG_NUMBER.test(below))) {
    throw new Problem('invalid_cursor');
  }
  const continued = { accountId, filters, cut, top, limit, unmasked };
  const name = (next: string | undefined) => next && `${cut}/${top}/${next}`;
  const pending = amongPending ? await pendingAtCut(continued, below) : [];
  if (pending.length === limit) return { transactions: shown(pending), next: name(pending.at(-1)?.id) };
  const left = limit - pending.length;
  const ended = await endedAtCut({ ...continued, limit: left }, amongPending ? LAST_LEG : below);
  return { transactions: shown([...pending, ...ended]), next: name(nextAfter(ended, left)?.leg_number) };
}

/** The cut, and the number of the account's last leg that had ended before it. */
async function beginAccount(accountId: string): Promise<string[]> {
  const cut = await currentCut();
  const [row] = await query<{ leg_number: string }>({
    text: `
      select leg_number from historical_transactions
       where account_id = $1 and pg_visible_in_snapshot(position, $2) and transaction_status <> 'PENDING'
       order by leg_number desc limit 1`,
    values: [accountId, cut],
  });
  return [cut, row?.leg_number ?? '0', LAST_ID];
}

interface OfAccount {
  accountId: string;
  filters: Filters;
  cut: string;
  top: string;
  limit: number;
  unmasked: boolean;
}

function pendingAtCut({ accountId, filters, cut, top, limit, unmasked }: OfAccount, below: string): Promise<Row[]> {
  const values: unknown[] = [accountId, cut, top, below, limit];
  const wanted = `leg.id < $4 and pg_visible_in_snapshot(leg.created_position, $2) and ${narrowing(filters, values)} and ${selection(filters, values)}`;
  return query<Row>({
    text: `
      with leg as (
        select * from historical_transactions leg where leg.account_id = $1 and leg.transaction_status = 'PENDING' and ${wanted}
        union all
        select * from historical_transactions leg
         where leg.account_id = $1 and leg.leg_number > $3 and leg.transaction_status <> 'PENDING'
           and not pg_visible_in_snapshot(leg.position, $2) and ${wanted}
         order by id desc limit $5
      )
      select leg.id, leg.leg_number, false as is_last, ${jsonLine(unmasked)} as line
        from leg ${JOINS} where leg.user_id is not null order by leg.id desc`,
    values,
  });
}

function endedAtCut({ accountId, filters, cut, top, limit, unmasked }: OfAccount, below: string): Promise<Row[]> {
  const values: unknown[] = [accountId, cut, top, below, limit];
  const belongs = `leg.transaction_status <> 'PENDING' and pg_visible_in_snapshot(leg.position, $2) and leg.user_id is not null
           and ${narrowing(filters, values)} and ${selection(filters, values)}`;
  return query<Row>({
    text: `
      with read as (
        select leg.*, row_number() over (order by leg.leg_number desc) = ${MOST_READ_OF_WALLET} as is_last from historical_transactions leg
         where leg.account_id = $1 and leg.leg_number <= $3 and leg.leg_number < $4
         order by leg.leg_number desc limit ${MOST_READ_OF_WALLET}
      ), page as (
        select * from (select *, ${belongs} as belongs from read leg) leg
         where belongs or is_last order by leg_number desc limit $5
      )
      select leg.id, leg.leg_number, is_last, case when belongs then ${jsonLine(unmasked)} end as line
        from page leg ${JOINS} order by leg.leg_number desc`,
    values,
  });
}

/** The wallet of a person by the name that regulators know her by. */
export async function accountOfUser(pseudonym: string): Promise<string | undefined> {
  const [row] = await query<{ id: string }>({
    text: 'select account.id from users person join accounts account on account.user_id = person.id where person.pseudonym = $1',
    values: [pseudonym],
  });
  return row?.id;
}

function shown(rows: readonly Row[]): RegulatedTransaction[] {
  return rows.flatMap(({ line }) => (line === null ? [] : [JSON.parse(line)]));
}
