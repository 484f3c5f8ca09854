// Makes a registered user an operator, as the owner of the tables. A trigger of the database writes it into the audit
// trail.

import pg from 'pg';

export type RoleGiven = 'given' | 'had it already' | 'unknown user';

/** `ownerUrl` is the address of the role one_gate_migrator. */
export async function makeOperator(ownerUrl: string, username: string): Promise<RoleGiven> {
  const client = new pg.Client({ connectionString: ownerUrl, query_timeout: 4_000 });
  await client.connect();
  try {
    await client.query("select set_config('one_gate.reason', 'make operator', false)");
    const { rowCount: changed } = await client.query(
      "update users set role = 'operator' where username = $1 and role <> 'operator'",
      [username],
    );
    if (changed === 1) return 'given';
    const { rowCount: known } = await client.query('select 1 from users where username = $1', [username]);
    return known === 1 ? 'had it already' : 'unknown user';
  } finally {
    await client.end();
  }
}
