import { randomInt } from 'node:crypto';
import type pg from 'pg';
import { newOperationId } from '../../shared/ledger/rules/ids.ts';
import { GOPAY_CLEARING } from './gopay-accounts.ts';

export type TestAccount = { userId: string; accountId: string; username: string };

let people = 0;

/** A random number that no other test has, in this process or another. */
export function randomPhone(): string {
  return `+628${randomInt(1e10, 1e11)}`;
}

/** A person or merchant with an opening balance that the ledger agrees with: a settled top-up. `client` is the superuser's. */
export async function openAccount(
  client: pg.Client,
  { username = `person_${process.pid}_${++people}`, type = 'user', balance = '0.00', status = 'ACTIVE' } = {},
): Promise<TestAccount> {
  const created = await client.query<{ user_id: string; id: string }>(
    `with person as (
       insert into users (username, email, phone, password, type) values ($1, $5, $2, 'no password', $3::user_type_enum)
       returning id)
     insert into accounts (user_id, kind) select id, $4::account_kind_enum from person returning user_id, id`,
    [username, randomPhone(), type, type === 'user' ? 'PERSON' : 'MERCHANT', `${username}@example.test`],
  );
  const { user_id: userId = '', id: accountId = '' } = created.rows[0] ?? {};
  if (balance !== '0.00') await topUp(client, accountId, balance);
  if (status !== 'ACTIVE')
    await client.query('update accounts set account_status = $2 where id = $1', [accountId, status]);
  return { userId, accountId, username };
}

/** A settled top-up of an existing account. */
export async function topUp(client: pg.Client, accountId: string, amount: string): Promise<void> {
  await client.query(
    `insert into historical_transactions (id, operation_id, user_id, account_id, leg_number, transaction_type, transaction_status,
            direction, amount, balance_before, balance_after, payment_method, counterparty_id)
     select (left($4::text, 35) || place)::uuid, $4::uuid, user_id, id, version + 1, 'TOPUP', 'SUCCESS', direction, abs(moved),
            balance, balance + moved, 'GOPAY', case id when $1 then $3::uuid else $1 end
       from accounts join (values ($1::uuid, '2', 'CREDIT'::direction_enum, $2::numeric), ($3::uuid, '1', 'DEBIT', -$2::numeric))
              as side (account_id, place, direction, moved) on side.account_id = id`,
    [accountId, amount, GOPAY_CLEARING, newOperationId()],
  );
}

/** Ends the PENDING legs of an operation, and writes nothing else. No money moves. */
export async function endLegs(client: pg.Client, operationId: string, status: string): Promise<void> {
  await client.query(
    `update historical_transactions leg
        set transaction_status = $2, leg_number = account.version + 1, balance_before = account.balance, balance_after = account.balance
       from accounts account
      where account.id = leg.account_id and leg.operation_id = $1 and leg.transaction_status = 'PENDING'`,
    [operationId, status],
  );
}

/** The invariants of the books at any moment; each row is a violation. */
export async function brokenPromises(client: pg.Client): Promise<unknown[]> {
  const { rows } = await client.query(`
    select 'the sum of all balances is not zero' as promise, sum(balance)::text as detail from accounts having sum(balance) <> 0
    union all
    select 'a balance is not the sum of its legs', account.id::text
      from accounts account left join historical_transactions leg on leg.account_id = account.id
     group by account.id having account.balance <> coalesce(sum(leg.balance_after - leg.balance_before), 0)
    union all
    select 'an operation does not sum to zero', operation_id::text
      from historical_transactions group by operation_id having sum(balance_after - balance_before) <> 0
    union all
    select 'a balance chain has a gap', account_id::text from (
      select account_id, balance_before, lag(balance_after, 1, 0) over (partition by account_id order by leg_number) as left_at
        from historical_transactions where transaction_status = 'SUCCESS') chained
     where balance_before <> left_at
    union all
    select 'an account is not at its last leg', account.id::text
      from accounts account left join historical_transactions leg on leg.account_id = account.id
     group by account.id having account.version <> coalesce(max(leg.leg_number), 0)`);
  return rows;
}
