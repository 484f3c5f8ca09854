// The proof of one page of accounts, as one statement and therefore one snapshot: it sees a payment that is committed
// meanwhile as a whole or not at all.

// Rows of `kind, subject, operation_id, detail` are broken promises.

const LEGS_OF = (operation: string) =>
  `historical_transactions where id > ${operation} and id <= (left(${operation}::text, 35) || 'f')::uuid`;

/** Holds that disagree with their legs. `operations`: something to select an operation_id from. */
export const brokenHolds = (operations: string) => `
  select 'ledger_hold' as kind, asked.operation_id::text as subject, asked.operation_id,
         case when hold.operation_id is null then format('The payment %s is PENDING, and no hold is open for it.', asked.operation_id)
              else format('The hold %s is %s, and %s of its %s legs say so.', asked.operation_id,
                          case when hold.ended_at is null then 'open' when hold.captured > 0 then 'captured' else 'given up' end,
                          leg.agreeing, leg.found) end as detail
    from ${operations} asked left join holds hold on hold.operation_id = asked.operation_id
    cross join lateral (
      select count(*) as found,
             count(*) filter (where case when hold.ended_at is null then (transaction_status, amount) = ('PENDING', hold.amount)
                                         when hold.captured > 0 then (transaction_status, amount) = ('SUCCESS', hold.captured)
                                         else (transaction_status, amount) = ('CANCELLED', hold.amount) end) as agreeing
        from ${LEGS_OF('asked.operation_id')}) leg
   where hold.operation_id is null or leg.found <> 2 or leg.agreeing <> 2`;

/**
 * Payments whose total of refunds disagrees with the refunds' legs. `payments`: something to select an operation_id
 * from.
 */
export const brokenRefunds = (payments: string) => `
  select 'ledger_refund' as kind, asked.operation_id::text as subject, asked.operation_id,
         format('Of the payment %s (%s) %s are counted as refunded (of %s), and its refunds are %s.', asked.operation_id, payment.paid,
                coalesce(total.refunded, 0), coalesce(total.paid, 0), refund.refunded) as detail
    from ${payments} asked left join refunded_payments total on total.operation_id = asked.operation_id
    cross join lateral (
      select coalesce(sum(amount), 0) as refunded from historical_transactions
       where refund_of = asked.operation_id and direction = 'DEBIT' and transaction_status = 'SUCCESS') refund
    cross join lateral (
      select coalesce(sum(amount), 0) as paid from ${LEGS_OF('asked.operation_id')}
         and transaction_type = 'PAYMENT' and direction = 'CREDIT' and transaction_status = 'SUCCESS') payment
   where total.refunded is distinct from refund.refunded or total.paid is distinct from payment.paid`;

/**
 * $1 the account to begin after, $2 the most accounts, $3 the most legs of a page (one account may have more), $4 the
 * most legs of one account, $5 whether to believe checkpoints, $6 the most broken promises to report.
 */
export const PROVE_PAGE = `
with candidates as (
  select account.id, account.kind, account.version, account.balance, account.held, account.pending, account.incoming,
         account.incoming_month, coalesce(proven.leg_number, 0) as proven_leg, coalesce(proven.balance, 0) as proven_balance,
         coalesce(proven.incoming, 0) as proven_incoming, coalesce(proven.incoming_month, '1970-01-01') as proven_month
    from accounts account left join ledger_checkpoints proven on $5::boolean and proven.account_id = account.id
   where account.id > $1::uuid order by account.id limit $2::int

), page as materialized (
  -- The first accounts whose new legs fit on the page together, and at least one account.
  select * from (
    select *, sum(least(abs(version - proven_leg), $3::bigint)) over (order by id) - least(abs(version - proven_leg), $3::bigint) as legs_before
      from candidates) counted
   where legs_before < $3::bigint

), legs as materialized (
  -- The new legs of each account, each with the balance that the leg before it left.
  select leg.*, lag(leg.balance_after, 1, page.proven_balance) over in_order as left_at,
         lead(leg.leg_number) over in_order is null as is_last, max(leg.month) over (partition by leg.account_id) as last_month
    from page cross join lateral (
      select id, account_id, operation_id, leg_number, transaction_type, transaction_status, direction, amount, balance_before,
             balance_after, refund_of, date_trunc('month', updated_at at time zone 'Asia/Jakarta')::date as month
        from historical_transactions where account_id = page.id and leg_number > page.proven_leg
       order by leg_number limit $4::bigint) leg
   where not $5::boolean or page.version <> page.proven_leg
  window in_order as (partition by leg.account_id order by leg.leg_number)

), own_legs as (
  select account_id, count(*) as legs, max(leg_number) as last_leg, max(balance_after) filter (where is_last) as last_balance,
         max(last_month) as last_month,
         coalesce(sum(amount) filter (where month = last_month and transaction_status = 'SUCCESS' and direction = 'CREDIT'
                                        and transaction_type <> 'REFUND'), 0) as new_incoming
    from legs group by account_id

), ends as materialized (
  -- Where its legs leave each account. An account with too many legs continues on the next page.
  select page.*, coalesce(own.legs, 0) as legs, coalesce(own.legs, 0) < $4::bigint as is_read,
         coalesce(own.last_leg, page.proven_leg) as last_leg, coalesce(own.last_balance, page.proven_balance) as last_balance,
         coalesce(own.last_month, page.proven_month) as last_month,
         case when page.kind <> 'PERSON' then 0
              else coalesce(own.new_incoming, 0)
                   + case when coalesce(own.last_month, page.proven_month) = page.proven_month then page.proven_incoming else 0 end
         end as last_incoming
    from page left join own_legs own on own.account_id = page.id

), bounds as (
  select (select id from page order by id limit 1) as first, (select id from page order by id desc limit 1) as last,
         (select id from ends where not is_read order by id limit 1) as unread

), promises as materialized (
  select leg.account_id, leg.operation_id, leg.transaction_type, leg.direction, leg.amount
    from bounds join historical_transactions leg
      on leg.account_id >= bounds.first and leg.account_id <= bounds.last and leg.transaction_status = 'PENDING'

), open_holds as materialized (
  select hold.operation_id, hold.payer_account, hold.amount
    from bounds join holds hold on hold.payer_account >= bounds.first and hold.payer_account <= bounds.last and hold.ended_at is null

), promised as (
  select account_id, coalesce(sum(amount) filter (where direction = 'DEBIT'), 0) as held,
         coalesce(sum(amount) filter (where direction = 'CREDIT'), 0) as pending
    from promises group by account_id

), held as (
  select payer_account, sum(amount) as held from open_holds group by payer_account

), operations as materialized (
  select distinct operation_id from legs where transaction_status = 'SUCCESS'

), held_operations as materialized (
  select operation_id from open_holds
  union select operation_id from promises where transaction_type = 'PAYMENT'
  union select legs.operation_id from legs join holds on holds.operation_id = legs.operation_id where legs.transaction_type = 'PAYMENT'

), refunded_operations as materialized (
  select distinct refund_of as operation_id from legs where transaction_type = 'REFUND' and refund_of is not null

), broken as materialized (
  select 'ledger_balance' as kind, id::text as subject, null::uuid as operation_id,
         format('Account %s has %s, and its legs leave it at %s.', id, balance, last_balance) as detail
    from ends where is_read and balance <> last_balance
  union all
  select 'ledger_numbering', id::text, null, format('Account %s is at version %s, and its last leg is number %s.', id, version, last_leg)
    from ends where is_read and version <> last_leg
  union all
  select 'ledger_chain', format('%s/%s', account_id, leg_number), operation_id,
         format('Leg %s of account %s begins at %s, where the one before it left %s.', leg_number, account_id, balance_before, left_at)
    from legs where balance_before <> left_at
  union all
  select 'ledger_operation', asked.operation_id::text, asked.operation_id,
         format('The legs of operation %s sum to %s.', asked.operation_id, leg.sum)
    from operations asked cross join lateral (
      select coalesce(sum(balance_after - balance_before), 0) as sum from ${LEGS_OF('asked.operation_id')}) leg
   where leg.sum <> 0
  union all
  select 'ledger_held', id::text, null,
         format('Account %s has held %s: its PENDING debits are %s, its open holds %s.', id, ends.held,
                coalesce(promised.held, 0), coalesce(held.held, 0))
    from ends left join promised on promised.account_id = ends.id left join held on held.payer_account = ends.id
   where ends.held <> coalesce(promised.held, 0) or ends.held <> coalesce(held.held, 0)
  union all
  select 'ledger_pending', id::text, null,
         format('Account %s expects %s, and its PENDING credits are %s.', id, ends.pending, coalesce(promised.pending, 0))
    from ends left join promised on promised.account_id = ends.id where ends.pending <> coalesce(promised.pending, 0)
  union all
  select 'ledger_incoming', id::text, null,
         format('Account %s was given %s in the month of %s, and its legs say %s.', id, incoming, incoming_month, last_incoming)
    from ends where is_read and incoming <> case when incoming_month = last_month then last_incoming else 0 end
  union all
  select 'ledger_refund', operation_id::text, operation_id, format('The refund %s is of no payment.', operation_id)
    from legs where transaction_type = 'REFUND' and direction = 'DEBIT' and refund_of is null
  union all ${brokenHolds('held_operations')}
  union all ${brokenRefunds('refunded_operations')}
)
select coalesce((select id from page where bounds.unread is null or id < bounds.unread order by id desc limit 1), $1::uuid) as position,
       bounds.unread is null and not exists (select from accounts where id > coalesce(bounds.last, $1::uuid)) as is_last,
       (select count(*)::int from ends where is_read) as accounts, (select count(*)::int from legs) as legs,
       (select count(*)::int from legs where transaction_status = 'SUCCESS' and direction = 'DEBIT') as operations,
       (select json_agg(json_build_array(id, last_leg::text, last_balance::text, last_incoming::text, last_month))
          from ends where legs > 0)::text as proven,
       (select json_agg(told) from (select * from broken limit $6::int) told)::text as broken
  from bounds`;
