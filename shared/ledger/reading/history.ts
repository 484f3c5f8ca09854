// Reads legs back for their owners.

import { query, type Statement } from '../../platform/database/database.ts';
import { type Clauses, conditionsOf, namesOfSet } from '../../platform/database/filters.ts';
import type { PaymentMethod } from '../../providers/providers.ts';
import { LEG_COLUMNS, type LegRow, legOf } from '../posting/leg-row.ts';
import { lastLegId, operationOf } from '../rules/ids.ts';
import type { Account, OwnLeg, TransactionStatus, TransactionType } from '../rules/words.ts';

export interface HistoryFilters {
  type?: TransactionType | undefined;
  status?: TransactionStatus | undefined;
  payment_method?: PaymentMethod | undefined;
  /** Bounds of the last change, as normaliseTime writes it; from inclusive, to exclusive. */
  from?: string | undefined;
  to?: string | undefined;
  reference?: string | undefined;
}

interface HistoryRow extends LegRow {
  counterparty_username: string | null;
  counterparty_kind: Account['kind'] | null;
  expires_at: Date | null;
}

// Within an account times never fall as numbers rise, so a time is a place in the order, and only legs of the page are
// read. leg_at walks back from the time month by month. It begins tomorrow at the latest, whatever time a caller sends.
const lastLegBefore = (place: string) => `
  coalesce((select leg.leg_number
              from accounts owner cross join
                   leg_at(owner.id, owner.created_at, least(${place}::timestamptz, now() + interval '1 day') - interval '1 microsecond') leg
             where owner.id = $1), 0)`;

const CLAUSES: Clauses<HistoryFilters> = {
  type: (place) => `transaction_type = ${place}`,
  status: (place) => `transaction_status = ${place}`,
  payment_method: (place) => `payment_method = ${place}`,
  from: (place) => `leg_number > ${lastLegBefore(place)}`,
  to: (place) => `leg_number <= ${lastLegBefore(place)}`,
  reference: (place) => `external_reference = ${place}`,
};

/**
 * One page of an account's history, newest change first, and the leg number to continue below (undefined at the end).
 * `below` is the last leg number of the page before, or `byNumber.top`.
 */
export async function readHistory(
  accountId: string,
  filters: HistoryFilters,
  below: string,
  limit: number,
): Promise<{ legs: OwnLeg[]; next: string | undefined }> {
  const rows = await query<HistoryRow>(historyStatement(accountId, filters, below, limit + 1));
  const shown = rows.slice(0, limit);
  return {
    legs: shown.map(ownLegOf),
    next: rows.length > limit ? shown.at(-1)?.leg_number : undefined,
  };
}

/** The statement for one page. Exported for test/bench, which shows its plan. */
export function historyStatement(accountId: string, filters: HistoryFilters, below: string, rows: number): Statement {
  const values: unknown[] = [accountId, below, rows];
  const conditions = ['account_id = $1', 'leg_number < $2', ...conditionsOf(CLAUSES, filters, values)];
  // A named statement gets one plan for all types and statuses. An unnamed one is planned each time, so that its own
  // index finds a rare type or status (0016).
  const perhapsRare = filters.type ?? filters.status ?? filters.payment_method;
  return {
    ...(perhapsRare === undefined && { name: `history-${namesOfSet(CLAUSES, filters).join('-')}` }),
    text: `
      with page as (
        select ${LEG_COLUMNS} from historical_transactions
         where ${conditions.join(' and ')}
         order by leg_number desc limit $3)
      ${WITH_COUNTERPARTY} order by page.leg_number desc`,
    values,
  };
}

const TYPE = { PERSON: 'user', MERCHANT: 'merchant', SYSTEM: 'system' } as const;

const WITH_COUNTERPARTY = `
  select page.*, person.username as counterparty_username, other.kind as counterparty_kind, hold.expires_at
    from page left join accounts other on other.id = page.counterparty_id left join users person on person.id = other.user_id
         left join holds hold on hold.operation_id = page.operation_id and page.transaction_status = 'PENDING'`;

/** The account's own leg of an operation. `id` is the operation's id or that of any of its legs. */
export async function readOwnLeg(accountId: string, id: string): Promise<OwnLeg | undefined> {
  const operationId = operationOf(id);
  const [row] = await query<HistoryRow>({
    name: 'transaction-of-account',
    text: `
      with page as (
        select ${LEG_COLUMNS} from historical_transactions where id > $1 and id <= $2 and account_id = $3 order by id limit 1)
      ${WITH_COUNTERPARTY}`,
    values: [operationId, lastLegId(operationId), accountId],
  });
  return row && ownLegOf(row);
}

function ownLegOf(row: HistoryRow): OwnLeg {
  const { counterparty_id: accountId, counterparty_username: username, counterparty_kind: kind } = row;
  return {
    leg: legOf(row),
    counterparty: accountId && kind ? { accountId, username, type: TYPE[kind] } : null,
    expiresAt: row.expires_at,
  };
}
