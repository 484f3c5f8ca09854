// Finds any account by its id or by its owner's username, for operators.

import type { Query } from '../../platform/database/database.ts';

/** The form of a UUID. No username has it. */
const ACCOUNT_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** The account's id. Undefined if there is none. */
export async function findAccountId(query: Query, name: string): Promise<string | undefined> {
  const [account] = await query<{ id: string }>(
    ACCOUNT_ID.test(name)
      ? { text: 'select id from accounts where id = $1', values: [name] }
      : {
          text: 'select account.id from accounts account join users person on person.id = account.user_id where person.username = $1',
          values: [name.toLowerCase()],
        },
  );
  return account?.id;
}
