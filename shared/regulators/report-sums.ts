// The sums of a report, from either of two sources that must agree: the rollups that a schedule advances (0021), or the
// legs themselves as they were at the same cut.

import type { TransactionStatus, TransactionType } from '../ledger/rules/words.ts';
import type { Query } from '../platform/database/database.ts';
import type { PaymentMethod } from '../providers/providers.ts';
import { EXAMPLES, RULES, type Rule } from './notable.ts';
import { COUNTS } from './record.ts';

/** Days in Asia/Jakarta, both inclusive. */
export interface Period {
  from: string;
  to: string;
}

export interface Total {
  day: string;
  type: TransactionType;
  status: TransactionStatus;
  payment_method: PaymentMethod | null;
  accessible: boolean;
  transactions: string;
  amount: string;
}

/** Money that moved until the end of the period, and within it. */
export interface Flow {
  /** `people`, `merchants`, or the name of an account of One Gate's own. */
  holder: string;
  type: TransactionType;
  legs: string;
  debits: string;
  credits: string;
  /** credits - debits from the first day of the ledger on. */
  standing: string;
}

export interface Notable {
  rule: Rule;
  transactions: string;
  amount: string;
}

export interface Example {
  rule: Rule;
  transaction_id: string;
  account_id: string;
  amount: string;
  type: TransactionType;
  created_at: string;
}

export interface Sums {
  totals: Total[];
  flows: Flow[];
  activeUsers: number;
  notable: Notable[];
  examples: Example[];
}

export type Source = 'rollups' | 'legs';

/** Reads all sums. `ask` belongs to one snapshot. */
export async function readSums(ask: Query, source: Source, cut: string, period: Period): Promise<Sums> {
  const from = source === 'rollups' ? FROM_ROLLUPS : FROM_LEGS;
  const values = (text: string) => ({
    text,
    values: text.includes('$3') ? [period.from, period.to, cut] : [period.from, period.to],
  });
  const [active] = await ask<{ users: string }>(values(from.active));
  return {
    totals: await ask<Total>(values(`${from.totals} order by 1, 2, 3, 4, 5`)),
    flows: await ask<Flow>(
      values(`
        select holder, type, coalesce(sum(legs) filter (where day >= $1::date), 0)::text as legs,
               coalesce(sum(debits) filter (where day >= $1::date), 0)::numeric(30, 2)::text as debits,
               coalesce(sum(credits) filter (where day >= $1::date), 0)::numeric(30, 2)::text as credits,
               (sum(credits) - sum(debits))::numeric(30, 2)::text as standing
          from (${from.flows}) flows group by holder, type order by holder, type`),
    ),
    activeUsers: Number(active?.users ?? 0),
    notable: await ask<Notable>(
      values(`
        select rule, count(*)::text as transactions, sum(amount)::numeric(30, 2)::text as amount
          from (${from.notable}) notable group by rule order by rule`),
    ),
    examples: await ask<Example>(
      values(`
        with notable as ${from.once} (${from.notable})
        select shown.rule, leg.transaction_id, leg.account_id, leg.amount::text as amount, leg.transaction_type as type,
               to_char(uuid_extract_timestamp(leg.id) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as created_at
          from unnest(array['${Object.keys(RULES).join("','")}']) as rules (rule)
         cross join lateral (select * from notable where notable.rule = rules.rule order by amount desc, leg_id limit ${EXAMPLES}) shown
          join historical_transactions leg on leg.id = shown.leg_id
         order by shown.rule, shown.amount desc, shown.leg_id`),
    ),
  };
}

const IN_PERIOD = 'day between $1::date and $2::date';

const FROM_ROLLUPS = {
  // The first entries of an index are the largest transactions of a rule.
  once: 'not materialized',
  totals: `
    select day::text as day, type, status, payment_method, accessible, transactions::text, amount::text
      from (select * from report_totals union all select * from report_pending) totals where ${IN_PERIOD}`,
  flows: 'select * from report_flows where day <= $2::date and $1::date is not null',
  // One bit per day of the month. The mask has the bits of the period's days.
  active: `
    select count(distinct user_id)::text as users
      from report_activity
      cross join lateral (
        select greatest($1::date, month) as first, least($2::date, (month + interval '1 month - 1 day')::date) as last) period
     where month between date_trunc('month', $1::date) and $2::date
       and days & (repeat('0', extract(day from first)::int - 1) || repeat('1', last - first + 1)
                   || repeat('0', 31 - extract(day from last)::int))::bit(31) <> b'0'::bit(31)`,
  notable: `select rule, leg_id, amount from report_notable where ${IN_PERIOD}`,
};

const CREATED = "(uuid_extract_timestamp(leg.id) at time zone 'Asia/Jakarta')";
/** The range of ids of a period's days. */
const IDS = `leg.id >= uuidv7_from($1::date::timestamp at time zone 'Asia/Jakarta')
  and leg.id < uuidv7_from(($2::date + 1)::timestamp at time zone 'Asia/Jakarta')`;
const ENDED = `leg.transaction_status <> 'PENDING' and leg.position < $3::xid8`;

const FROM_LEGS = {
  once: 'materialized',
  totals: `
    select ${CREATED}::date::text as day, leg.transaction_type as type, leg.transaction_status as status, leg.payment_method,
           leg.is_accessible_external as accessible, count(*)::text as transactions, sum(leg.amount)::numeric(30, 2)::text as amount
      from historical_transactions leg where ${IDS} and ${ENDED} and ${COUNTS} group by 1, 2, 3, 4, 5
    union all
    select day::text, type, status, payment_method, accessible, transactions::text, amount::numeric(30, 2)::text
      from pending_at($3::xid8) where ${IN_PERIOD}`,
  flows: `
    select (leg.updated_at at time zone 'Asia/Jakarta')::date as day,
           case account.kind when 'PERSON' then 'people' when 'MERCHANT' then 'merchants' else account.name end as holder,
           leg.transaction_type as type, count(*) as legs,
           coalesce(sum(leg.amount) filter (where leg.direction = 'DEBIT'), 0) as debits,
           coalesce(sum(leg.amount) filter (where leg.direction = 'CREDIT'), 0) as credits
      from historical_transactions leg join accounts account on account.id = leg.account_id
     where leg.transaction_status = 'SUCCESS' and leg.position < $3::xid8
       and leg.updated_at < ($2::date + 1)::timestamp at time zone 'Asia/Jakarta' group by 1, 2, 3`,
  active: `
    select count(distinct leg.user_id)::text as users from historical_transactions leg
     where ${IDS} and ${ENDED} and leg.transaction_status = 'SUCCESS' and leg.is_accessible_external`,
  notable: `
    select rule, leg.id as leg_id, leg.amount
      from historical_transactions leg
      cross join lateral unnest(notable_rules(leg.amount, leg.direction, leg.balance_after, ${CREATED})) as rule
     where ${IDS} and ${ENDED} and leg.transaction_status = 'SUCCESS' and leg.is_accessible_external and ${COUNTS}`,
};
