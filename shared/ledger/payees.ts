// Finds wallets by their owners' usernames. A username is never given to somebody else, so that what was found once stays true.

import { query } from '../database/database.ts';
import { Problem } from '../http/problem.ts';

export interface Payee {
  accountId: string;
  username: string;
  type: 'user' | 'merchant';
}

const LARGEST_CACHE = 50_000;
const known = new Map<string, Payee>();

/** The account that `to` names; a `payee_not_found` Problem if there is none. An account id is taken as it is: the ledger looks. */
export async function payeeAccount(to: {
  username?: string | undefined;
  account_id?: string | undefined;
}): Promise<string> {
  if (to.account_id !== undefined) return to.account_id;
  return (await findPayee(to.username ?? '')).accountId;
}

export async function findPayee(username: string): Promise<Payee> {
  const found = known.get(username) ?? (await lookUp(username));
  if (!found) throw new Problem('payee_not_found');
  if (known.size >= LARGEST_CACHE) known.delete(known.keys().next().value as string);
  known.set(username, found);
  return found;
}

async function lookUp(username: string): Promise<Payee | undefined> {
  const [row] = await query<{ account_id: string; username: string; type: 'user' | 'merchant' }>({
    name: 'payee-by-username',
    text: `
      select account.id as account_id, person.username, person.type
        from users person join accounts account on account.user_id = person.id
       where person.username = $1`,
    values: [username],
  });
  return row && { accountId: row.account_id, username: row.username, type: row.type };
}

/** Enough of a name to recognise somebody by, not enough to learn it: `budi_santoso` is `b**i s*****o`. */
export function maskName(username: string): string {
  return username
    .split(/[._]+/)
    .filter(Boolean)
    .map((part) => (part.length < 3 ? `${part[0]}*` : part[0] + '*'.repeat(part.length - 2) + part.at(-1)))
    .join(' ');
}
