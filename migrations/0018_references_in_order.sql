-- A page of the legs with one reference, in the order of the history: with leg_number in the index a page costs its
-- rows, however often the account has used that reference. Without it, a plan that is made for any reference read the
-- account's whole history backwards (test/bench, a million legs: seconds).

create index historical_transactions_of_reference on historical_transactions (account_id, external_reference, leg_number)
  where external_reference is not null;
drop index historical_transactions_by_reference;
