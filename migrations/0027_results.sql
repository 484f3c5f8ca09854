-- A key keeps the result of its request as data (`result`: the outcome, and the facts of its answer), instead of the
-- rendered answer: the ledger knows no HTTP, and the row is some 200 bytes smaller. Keys from before have `status` and
-- `answer`, and are answered with them as long as they are kept (30 days).
--
-- `sent` is the request as it was sent: JSON with its names sorted, numbers and strings as they came. `request` is the
-- output of one version's schema. Versions before this one compare `request`, so it is still written: a repetition that
-- reaches one of them is told that its first request is still running, and moves nothing. The next version stops
-- writing it.
alter table idempotency_keys add column sent text, add column result text;

grant update (result) on idempotency_keys to one_gate_money;
