// Payments that the benchmark gives back: as many as there are people with each distribution, so that refunds touch the
// accounts as payments do.

import type pg from 'pg';
import { newOperationId } from '../../shared/ledger/rules/ids.ts';
import { type Distribution, distributionNames, distributions, randomFrom } from './distributions.ts';
import type { Person } from './tokens.ts';

export interface Payment {
  operationId: string;
  distribution: Distribution;
  /** The number of the payee, who may give it back. */
  payee: number;
}

/** Enough for every part that a run can give back of it; the most popular payer can pay a thousand of these. */
const PAID = '200.00';

/** `client` owns the tables; the last of the people is the merchant. */
export async function makePayments(client: pg.Client, people: readonly Person[], seed: number): Promise<Payment[]> {
  const random = randomFrom(seed);
  const merchant = people.length - 1;
  const drawn = distributionNames.flatMap((distribution) =>
    Array.from({ length: merchant }, () => {
      const [payer, payee] = distributions[distribution](random, merchant, merchant);
      return { operationId: newOperationId(), distribution, payer, payee };
    }),
  );
  const account = (number: number) => people[number]?.accountId;
  await client.query(WRITE, [
    drawn.map(({ operationId }) => operationId),
    drawn.map(({ payer }) => account(payer)),
    drawn.map(({ payee }) => account(payee)),
    PAID,
  ]);
  await client.query('vacuum analyze accounts, historical_transactions');
  return drawn.map(({ operationId, distribution, payee }) => ({ operationId, distribution, payee }));
}

// One statement, since the ledger's triggers check each: the legs of an operation have to sum to zero by then.
const WRITE = `
  with payment as (
    select * from unnest($1::uuid[], $2::uuid[], $3::uuid[]) with ordinality as payment (operation_id, payer, payee, number)
  ), side as (
    select number, operation_id, '1' as place, payer as account_id, payee as counterparty_id, 'DEBIT' as direction, -$4::numeric as moved
      from payment
    union all
    select number, operation_id, '2', payee, payer, 'CREDIT', $4::numeric from payment
  ), leg as (
    select side.*, account.user_id, account.version + row_number() over earlier as leg_number,
           account.balance + sum(moved) over earlier as balance_after
      from side join accounts account on account.id = side.account_id window earlier as (partition by account_id order by number)
  )
  insert into historical_transactions (id, operation_id, user_id, account_id, leg_number, transaction_type, transaction_status,
         direction, amount, balance_before, balance_after, counterparty_id)
  select (left(operation_id::text, 35) || place)::uuid, operation_id, user_id, account_id, leg_number, 'PAYMENT', 'SUCCESS',
         direction::direction_enum, $4, balance_after - moved, balance_after, counterparty_id
    from leg order by number, place`;
