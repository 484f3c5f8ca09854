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

/** Whoever `to` names; a `payee_not_found` Problem if there is nobody. */
export function payeeOf(to: { username?: string | undefined; account_id?: string | undefined }): Promise<Payee> {
  return to.account_id === undefined ? findPayee(to.username ?? '') : find(to.account_id, BY_ACCOUNT);
}

export function findPayee(username: string): Promise<Payee> {
  return find(username, BY_USERNAME);
}

const SELECT = `
  select account.id as account_id, person.username, person.type
    from users person join accounts account on account.user_id = person.id`;
const BY_USERNAME = { name: 'payee-by-username', text: `${SELECT} where person.username = $1` };
const BY_ACCOUNT = { name: 'payee-by-account', text: `${SELECT} where account.id = $1` };

async function find(name: string, statement: { name: string; text: string }): Promise<Payee> {
  const found = known.get(name) ?? (await lookUp(name, statement));
  if (!found) throw new Problem('payee_not_found');
  if (known.size >= LARGEST_CACHE && !known.has(name)) known.delete(known.keys().next().value as string);
  known.set(name, found);
  return found;
}

async function lookUp(name: string, statement: { name: string; text: string }): Promise<Payee | undefined> {
  const [row] = await query<{ account_id: string; username: string; type: 'user' | 'merchant' }>({
    ...statement,
    values: [name],
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
