-- What is rare among the legs of whoever is paid a million times: top-ups, refunds, and what has not succeeded. Without this index, a page
-- of such would be looked for among all the others. Payments and transfers that succeed, which is nearly all there is, pay nothing for it.

create index historical_transactions_rare on historical_transactions (account_id, leg_number)
  where transaction_status <> 'SUCCESS' or transaction_type in ('TOPUP', 'REFUND') or payment_method is not null;
