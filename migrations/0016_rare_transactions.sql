-- The rare legs of an account that is paid a million times: those of other types than payments, and those that have not
-- succeeded. Without this index, a page of them would be searched among all the others. A payment that succeeds, nearly
-- every leg, pays nothing for it; a transfer pays for two entries.

create index historical_transactions_rare on historical_transactions (account_id, leg_number)
  where transaction_status <> 'SUCCESS' or transaction_type <> 'PAYMENT' or payment_method is not null;
