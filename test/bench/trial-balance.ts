// The conditions that the books must meet after the load, whatever the figures say.

import type pg from 'pg';
import type { FunctionName } from './requests.ts';

const PROMISES = {
  'the sum of all balances is zero': 'select sum(balance)::text as found from accounts having sum(balance) <> 0',
  'every balance is the sum of its legs': `
    select account.id::text as found from accounts account left join historical_transactions leg on leg.account_id = account.id
     group by account.id having account.balance <> coalesce(sum(leg.balance_after - leg.balance_before), 0) limit 1`,
  'the legs of every operation sum to zero': `
    select operation_id::text as found from historical_transactions
     group by operation_id having sum(balance_after - balance_before) <> 0 or count(*) <> 2 limit 1`,
  'every account stands at its last leg': `
    select account.id::text as found from accounts account left join historical_transactions leg on leg.account_id = account.id
     group by account.id having account.version <> coalesce(max(leg.leg_number), 0) or account.version <> count(leg.id) limit 1`,
  'nothing is held and nothing is on its way': `
    select id::text as found from accounts where held <> 0 or pending <> 0 limit 1`,
  'only One Gate’s own accounts are below zero': `
    select id::text as found from accounts where kind <> 'SYSTEM' and balance < 0 limit 1`,
  'of every payment as much is given back as its refunds say, and never more than was paid': `
    select coalesce(total.operation_id, refund.refund_of)::text as found
      from refunded_payments total
      full join (select refund_of, sum(amount) as refunded from historical_transactions
                  where transaction_type = 'REFUND' and direction = 'DEBIT' group by refund_of) refund on refund.refund_of = total.operation_id
      left join historical_transactions payment
             on payment.operation_id = refund.refund_of and payment.transaction_type = 'PAYMENT' and payment.direction = 'DEBIT'
     where total.refunded is distinct from refund.refunded or total.paid is distinct from payment.amount or total.refunded > total.paid
     limit 1`,
} as const;

const TYPES = { pay: 'PAYMENT', transfer: 'TRANSFER', refund: 'REFUND' } as const satisfies Record<
  FunctionName,
  string
>;

/** How many requests were answered with 2xx. */
export type Answered = Record<FunctionName, number>;

/** Every condition that does not hold, as a sentence. `prepared`: how many payments existed before. */
export async function trialBalance(client: pg.Client, answered: Answered, prepared: number): Promise<string[]> {
  const broken: string[] = [];
  for (const [promise, question] of Object.entries(PROMISES)) {
    const { rows } = await client.query<{ found: string }>(question);
    if (rows[0]) broken.push(`It does not hold that ${promise}: ${rows[0].found}.`);
  }
  for (const [name, type] of Object.entries(TYPES) as [FunctionName, string][]) {
    const { rows } = await client.query<{ operations: string; keys: string }>(
      `select (select count(*) from historical_transactions where transaction_type = $1 and direction = 'DEBIT') as operations,
              (select count(*) from idempotency_keys where function = $2 and coalesce(result::json ->> 'outcome' = 'posted', status = 201)) as keys`,
      [type, name],
    );
    const { operations, keys } = rows[0] ?? { operations: '?', keys: '?' };
    const earlier = name === 'pay' ? prepared : 0;
    if (operations !== String(answered[name] + earlier)) {
      broken.push(
        `${operations} operations of ${name} are in the books, ${answered[name]} were answered, ${earlier} were there before.`,
      );
    }
    if (keys !== String(answered[name]))
      broken.push(`${keys} keys of ${name} were kept, ${answered[name]} requests were answered.`);
  }
  const { rows } = await client.query<{ waiting: string }>('select count(*) as waiting from outbox');
  if (rows[0]?.waiting !== '0') broken.push(`${rows[0]?.waiting} events are still in the outbox.`);
  return broken;
}
