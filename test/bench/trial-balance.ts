// What must be true of the books after the load, whatever the figures say.

import type pg from 'pg';

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
} as const;

/** Every promise that does not hold, as a sentence. `succeeded`: how many payments were answered with 2xx. */
export async function trialBalance(client: pg.Client, succeeded: number): Promise<string[]> {
  const broken: string[] = [];
  for (const [promise, question] of Object.entries(PROMISES)) {
    const { rows } = await client.query<{ found: string }>(question);
    if (rows[0]) broken.push(`It does not hold that ${promise}: ${rows[0].found}.`);
  }
  const { rows } = await client.query<{ payments: string; keys: string; waiting: string }>(
    `select (select count(*) from historical_transactions where transaction_type = 'PAYMENT' and direction = 'DEBIT') as payments,
            (select count(*) from idempotency_keys where status = 201) as keys, (select count(*) from outbox) as waiting`,
  );
  const { payments, keys, waiting } = rows[0] ?? { payments: '?', keys: '?', waiting: '?' };
  if (payments !== String(succeeded)) broken.push(`${payments} payments are in the books, ${succeeded} were answered.`);
  if (keys !== payments) broken.push(`${keys} keys were kept for ${payments} payments.`);
  if (waiting !== '0') broken.push(`${waiting} events are still in the outbox.`);
  return broken;
}
