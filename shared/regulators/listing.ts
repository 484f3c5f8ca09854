// Pages of transactions for regulators, newest first, that neither skip nor repeat: the first page takes a cut, and all pages show exactly
// what had been committed by then, as it stands when they are read.
//
// A page reads a bounded number of legs. Where what is asked for is rare it may be short, or empty, and have a next page all the same.

import { query, type Statement } from '../platform/database/database.ts';
import { byId, byNumber, type Order } from '../platform/http/page.ts';
import { currentCut, isCut } from './cut.ts';
import { type Filters, toRead, toShow } from './filters.ts';
import { COUNTS, columns, JOINS, type RegulatedTransaction } from './record.ts';

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

/** Of everybody's transactions: the cut of the list, and the id that the page before ended with. */
export const everybodysOrder: Order = {
  top: '',
  isPosition: (text) => {
    const [cut = '', below = '', ...more] = text.split('/');
    return more.length === 0 && isCut(cut) && byId.isPosition(below);
  },
};

/** One page of everybody's transactions. `after`: `next` of the page before, or the top. */
export async function readPage(filters: Filters, after: string, limit: number, unmasked: boolean): Promise<Page> {
  const [cut = '', below = ''] = after === '' ? [await currentCut(), byId.top] : after.split('/');
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
  /** False for one that is only there as the last that was read. */
  belongs: boolean;
  is_last: boolean;
}

/** The row behind which the next page begins; undefined at the end of the list. */
function nextAfter(rows: readonly Row[], limit: number): Row | undefined {
  const last = rows.at(-1);
  return rows.length === limit || last?.is_last ? last : undefined;
}

/**
 * Of one wallet's transactions: the cut of the list, the number of the last leg that had ended before it, and the id (of a pending one) or the
 * number (of one that had ended) that the page before ended with.
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
 * One page of one wallet's transactions, its own side of them: first what was pending when the list began, then the rest by the time it
 * came to its end. There is no index of an account's legs by time, which payments would pay for; its legs by number are enough, since
 * what has ended never changes, and what was pending at the cut is told by its positions.
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

/** The wallet of a person by the name that regulators know her by. */
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
