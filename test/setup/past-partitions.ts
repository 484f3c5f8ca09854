import type pg from 'pg';

/**
 * Makes the partitions of the `months` before the oldest one, as `ensure_leg_partitions` makes the coming ones: the
 * product never needs them, since it has no legs older than itself. `client` is the superuser's.
 */
export async function makePastPartitions(client: pg.Client, months: number): Promise<void> {
  await client.query(`
    do $$
    declare
      this_month timestamp := date_trunc('month', now() at time zone 'Asia/Jakarta');
      month timestamp;
      name text;
    begin
      for month in select generate_series(this_month - interval '${Math.trunc(months)} months', this_month, interval '1 month') loop
        name := 'historical_transactions_' || to_char(month, 'YYYY_MM');
        continue when to_regclass(name) is not null;
        execute format('create table %I partition of historical_transactions for values from (%L) to (%L)', name,
          uuidv7_from(month at time zone 'Asia/Jakarta'), uuidv7_from((month + interval '1 month') at time zone 'Asia/Jakarta'));
        execute format('alter table %I add constraint %I unique (account_id, leg_number)', name, name || '_leg_number');
        execute format('alter table %I owner to one_gate_migrator', name);
      end loop;
    end $$`);
}
