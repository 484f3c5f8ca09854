// Pages of transactions for regulators, newest first, that neither skip nor repeat: the first page takes a cut, and all pages show exactly
// what had been committed by then, as it stands when they are read.
//
// A page reads a bounded number of legs. Where what is asked for is rare it may be short, or empty, and have a next page all the same.

import { query, type Statement } from '../database/database.ts';
import { Problem } from '../http/problem.ts';
import type { PaymentMethod, TransactionStatus, TransactionType } from '../ledger/posting.ts';
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

/** So many legs are read for one page, and no more: neighbours on the disk, or those of a wallet, which lie all over it. */
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
  const end = await endOfReading(filters, below);
  const rows = await query<{ id: string; line: string }>(pageStatement(filters, cut, { below, end }, limit, unmasked));
  const next = rows.length === limit ? rows.at(-1)?.id : end;
  return { transactions: parsed(rows), next: next && `${cut}/${next}` };
}

/** Shown in test/bench, with its plan. `end`: the last leg to be read, all there are without it. */
export function pageStatement(
  filters: Filters,
  cut: string,
  { below, end = FIRST_ID }: { below: string; end?: string | undefined },
  limit: number,
  unmasked: boolean,
): Statement {
  const values: unknown[] = [cut, below, end, limit];
  return {
    text: `
      with page as (
        select leg.* from historical_transactions leg
         where leg.id < $2 and leg.id >= $3 and pg_visible_in_snapshot(leg.created_position, $1) and ${COUNTS}
           and ${narrowing(filters, values)} and ${selection(filters, values)}
         order by leg.id desc limit $4
      )
      select leg.id, ${jsonLine(unmasked)} as line from page leg ${JOINS} order by leg.id desc`,
    values,
  };
}

/**
 * The last leg that a page may read; undefined where it may read all there are. It is looked up before the page: a count of what the page has
 * read would be off by whatever came or ended meanwhile, and the next page would skip that or repeat it.
 */
async function endOfReading(filters: Filters, below: string): Promise<string | undefined> {
  const values: unknown[] = [below, MOST_READ - 1];
  const range = narrowing(filters, values);
  const [row] = await query<{ id: string }>({
    text: `select leg.id from historical_transactions leg where leg.id < $1 and ${range} order by leg.id desc offset $2 limit 1`,
    values,
  });
  return row?.id;
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
  if (pending.length === limit) return { transactions: parsed(pending), next: name(pending.at(-1)?.id) };
  const ended = await endedAtCut({ ...continued, limit: limit - pending.length }, amongPending ? LAST_LEG : below);
  return { transactions: parsed([...pending, ...ended.rows]), next: name(ended.next) };
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

interface Row {
  id: string;
  leg_number: string;
  line: string;
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
      select leg.id, leg.leg_number, ${jsonLine(unmasked)} as line from leg ${JOINS} where leg.user_id is not null order by leg.id desc`,
    values,
  });
}

async function endedAtCut(
  { accountId, filters, cut, top, limit, unmasked }: OfAccount,
  below: string,
): Promise<{ rows: Row[]; next: string | undefined }> {
  // As endOfReading: before the page.
  const [end] = await query<{ leg_number: string }>({
    text: `
      select leg_number from historical_transactions where account_id = $1 and leg_number <= $2 and leg_number < $3
       order by leg_number desc offset $4 limit 1`,
    values: [accountId, top, below, MOST_READ_OF_WALLET - 1],
  });
  const values: unknown[] = [accountId, cut, top, below, end?.leg_number ?? '0', limit];
  const rows = await query<Row>({
    text: `
      with page as (
        select leg.* from historical_transactions leg
         where leg.account_id = $1 and leg.leg_number <= $3 and leg.leg_number < $4 and leg.leg_number >= $5
           and leg.transaction_status <> 'PENDING' and pg_visible_in_snapshot(leg.position, $2) and leg.user_id is not null
           and ${narrowing(filters, values)} and ${selection(filters, values)}
         order by leg.leg_number desc limit $6
      )
      select leg.id, leg.leg_number, ${jsonLine(unmasked)} as line from page leg ${JOINS} order by leg.leg_number desc`,
    values,
  });
  const next = rows.length === limit ? rows.at(-1)?.leg_number : end?.leg_number;
  return { rows, next };
}

/** The wallet of a person by the name that regulators know her by. */
export async function accountOfUser(pseudonym: string): Promise<string | undefined> {
  const [row] = await query<{ id: string }>({
    text: 'select account.id from users person join accounts account on account.user_id = person.id where person.pseudonym = $1',
    values: [pseudonym],
  });
  return row?.id;
}

function parsed(rows: readonly { line: string }[]): RegulatedTransaction[] {
  return rows.map(({ line }) => JSON.parse(line));
}
