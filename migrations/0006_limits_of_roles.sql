-- Every wait has a limit. They belong to the roles: a pooler drops start-up options, and no function can forget them.

alter role one_gate_money    set lock_timeout = '2s';
alter role one_gate_money    set statement_timeout = '5s';
alter role one_gate_money    set idle_in_transaction_session_timeout = '5s';
alter role one_gate_identity set lock_timeout = '2s';
alter role one_gate_identity set statement_timeout = '5s';
alter role one_gate_identity set idle_in_transaction_session_timeout = '5s';
alter role one_gate_reader   set statement_timeout = '10s';
alter role one_gate_reader   set default_transaction_read_only = on;
