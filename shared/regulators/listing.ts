// Pages of transactions for regulators, newest first, that neither skip nor repeat. The first page takes a cut, and all
// pages show the transactions committed by then, in their state at the time of reading.
// A page reads a bounded number of legs. If few of them match, the page is short or empty and may still have a next
// page.

import { query, type Statement } from '../platform/database/database.ts';
import { byId, byNumber, type Order } from '../platform/http/page.ts';
import { currentCut, isCut } from './cut.ts';
import { type Filters, toRead, toShow } from './filters.ts';
import { COUNTS, columns, JOINS, type RegulatedTransaction } from './record.ts';

export interface Page {
  transactions: RegulatedTransaction[];
  /** The beginning of the next page. Undefined at the end. */
  next: string | undefined;
}

/**
 * The most legs that one page reads: neighbours on the disk, or the legs of one wallet, which are scattered. The last
 * leg read is returned even if it does not match, because the next page begins at it, in the same snapshot.
 */
const MOST_READ = 6_000;
const MOST_READ_OF_WALLET = 2_000;

/** The order of all transactions: the cut of the list, and the last id of the page before. */
export const allTransactionsOrder: Order = {
  top: '',
  isPosition: (text) => {
    const [cut = '', below = '', ...more] = text.split('/');
    return more.length === 0 && isCut(cut) && byId.isPosition(below);
  },
};

/** One page of all transactions. `after`: `next` of the page before, or the top. */
export async function readPage(filters: Filters, after: string, limit: number, unmasked: boolean): Promise<Page> {
  const [cut = '', below = ''] = after === '' ? [await currentCut(), byId.top] : after.split('/');
  const rows = await query<Row>(pageStatement(filters, cut, below, limit, unmasked));
  const next = nextAfter(rows, limit)?.id;
  return { transactions: shown(rows), next: next && `${cut}/${next}` };
}

/** Exported for test/bench, which shows its plan. */
export function pageStatement(
  filters: Filters,
  cut: string,
  below: string,
  limit: number,
  unmasked: boolean,
): Statement {
  const values: unknown[] = [cut, below, limit];
  const read = ['leg.id < $2', ...toRead(filters, values)].join(' and ');
  const belongs = ['pg_visible_in_snapshot(leg.created_position, $1)', COUNTS, ...toShow(filters, values)].join(
    ' and ',
  );
  return {
    text: `
      with read as (
        select leg.*, row_number() over (order by leg.id desc) = ${MOST_READ} as is_last from historical_transactions leg
         where ${read} order by leg.id desc limit ${MOST_READ}
      ), page as (
        select * from (select *, ${belongs} as belongs from read leg) leg
         where belongs or is_last order by id desc limit $3
      )
      select leg.leg_number, belongs, is_last, ${columns(unmasked)} from page leg ${JOINS} order by leg.id desc`,
    values,
  };
}

interface Row extends RegulatedTransaction {
  leg_number: string;
  /** False for a row that is returned only because it was the last one read. */
  belongs: boolean;
  is_last: boolean;
}

/** The row after which the next page begins. Undefined at the end of the list. */
function nextAfter(rows: readonly Row[], limit: number): Row | undefined {
  const last = rows.at(-1);
  return rows.length === limit || last?.is_last ? last : undefined;
}

/**
 * The order of one wallet's transactions: the cut of the list, the number of the last leg that had ended before it, and
 * the last id (of a pending leg) or number (of an ended leg) of the page before.
 */
export const walletsOrder: Order = {
  top: '',
  isPosition: (text) => {
    const [cut = '', last = '', below = '', ...more] = text.split('/');
    const isPlace = byId.isPosition(below) || byNumber.isPosition(below);
    return more.length === 0 && isCut(cut) && byNumber.isPosition(last) && isPlace;
  },
};

/**
 * One page of one wallet's transactions, from its own side: first the legs that were pending at the cut, then the
 * others by the time they ended. There is no index of an account's legs by time, because payments would pay for it. The
 * index by number suffices: an ended leg never changes, and its positions tell whether a leg was pending at the cut.
 */
export async function readAccountPage(
  accountId: string,
  filters: Filters,
  after: string,
  limit: number,
  unmasked: boolean,
): Promise<Page> {
  const [cut = '', top = '', below = ''] = after === '' ? await beginAccount(accountId) : after.split('/');
  const amongPending = byId.isPosition(below);
  const continued = { accountId, filters, cut, top, limit, unmasked };
  const name = (next: string | undefined) => next && `${cut}/${top}/${next}`;
  const pending = amongPending ? await pendingAtCut(continued, below) : [];
  if (pending.length === limit) return { transactions: shown(pending), next: name(pending.at(-1)?.id) };
  const left = limit - pending.length;
  const ended = await endedAtCut({ ...continued, limit: left }, amongPending ? byNumber.top : below);
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
  return [cut, row?.leg_number ?? '0', byId.top];
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
  const wanted = ['leg.id < $4', 'pg_visible_in_snapshot(leg.created_position, $2)', ...toShow(filters, values)].join(
    ' and ',
  );
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
      select leg.leg_number, true as belongs, false as is_last, ${columns(unmasked)}
        from leg ${JOINS} where leg.user_id is not null order by leg.id desc`,
    values,
  });
}

function endedAtCut({ accountId, filters, cut, top, limit, unmasked }: OfAccount, below: string): Promise<Row[]> {
  const values: unknown[] = [accountId, cut, top, below, limit];
  const belongs = [
    "leg.transaction_status <> 'PENDING'",
    'pg_visible_in_snapshot(leg.position, $2)',
    'leg.user_id is not null',
    ...toShow(filters, values),
  ].join(' and ');
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
      select leg.leg_number, belongs, is_last, ${columns(unmasked)}
        from page leg ${JOINS} order by leg.leg_number desc`,
    values,
  });
}

/** The wallet of a person, by the pseudonym that regulators see. */
export async function accountOfUser(pseudonym: string): Promise<string | undefined> {
  const [row] = await query<{ id: string }>({
    text: 'select account.id from users person join accounts account on account.user_id = person.id where person.pseudonym = $1',
    values: [pseudonym],
  });
  return row?.id;
}

function shown(rows: readonly Row[]): RegulatedTransaction[] {
  return rows.flatMap(({ leg_number, belongs, is_last, ...transaction }) => (belongs ? [transaction] : []));
}
