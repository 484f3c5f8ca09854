-- Every wait has a limit. They belong to the roles: a pooler drops start-up options, and no function can forget them.

alter role one_gate_money    set lock_timeout = '2s';
alter role one_gate_money    set statement_timeout = '5s';
alter role one_gate_money    set idle_in_transaction_session_timeout = '5s';
alter role one_gate_identity set lock_timeout = '2s';
alter role one_gate_identity set statement_timeout = '5s';
alter role one_gate_identity set idle_in_transaction_session_timeout = '5s';
alter role one_gate_reader   set statement_timeout = '10s';
alter role one_gate_reader   set default_transaction_read_only = on;

-- The role that moves money asks for rows by their keys and for nothing else. A plan that was prepared while a table
-- was empty would read it from end to end for as long as the connection lives (tried: 18 ms a batch instead of 1), so
-- such plans are not considered.
alter role one_gate_money set enable_seqscan = off;
alter role one_gate_money set enable_hashjoin = off;
alter role one_gate_money set enable_mergejoin = off;
alter role one_gate_money set plan_cache_mode = force_generic_plan;
alter role one_gate_money set jit = off;
