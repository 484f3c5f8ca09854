-- What is rare among the legs of whoever is paid a million times: everything but payments, and what has not succeeded. Without this index,
-- a page of such would be looked for among all the others. A payment that succeeds, which is nearly all there is, pays nothing for it; a
-- transfer pays for two entries.

create index historical_transactions_rare on historical_transactions (account_id, leg_number)
  where transaction_status <> 'SUCCESS' or transaction_type <> 'PAYMENT' or payment_method is not null;
