// Finds wallets by their owners' usernames, by their ids, or by their owners' proven phone numbers. A username never
// changes hands, so its wallet is remembered. A phone number does, so it is looked up each time.

import { query, type Statement } from '../../platform/database/database.ts';
import { normalisePhone } from '../../sessions/identifier.ts';

export interface Payee {
  accountId: string;
  username: string;
  type: 'user' | 'merchant';
}

/**
 * One of a wallet's three names. Usernames and ids are in their stored spelling, phone numbers have their country code.
 */
export interface PayeeName {
  username?: string | undefined;
  account_id?: string | undefined;
  phone?: string | undefined;
}

const LARGEST_CACHE = 50_000;
const known = new Map<string, Payee>();

/** The wallet with this name. Undefined if there is none. */
export function findPayee({ username, account_id, phone }: PayeeName): Promise<Payee | undefined> {
  return phone === undefined
    ? remember(account_id ?? username ?? '', account_id === undefined ? BY_USERNAME : BY_ACCOUNT)
    : lookUpPhone(phone);
}

const SELECT = `
  select account.id as account_id, person.username, person.type
    from users person join accounts account on account.user_id = person.id`;
const BY_USERNAME = { name: 'payee-by-username', text: `${SELECT} where person.username = $1` };
const BY_ACCOUNT = { name: 'payee-by-account', text: `${SELECT} where account.id = $1` };
// The roles that move money may not read phone numbers, so a database function looks them up.
const BY_PHONE = { name: 'payee-by-phone', text: 'select account_id, username, type from payee_by_phone($1)' };

async function lookUpPhone(written: string): Promise<Payee | undefined> {
  const phone = await normalisePhone(written);
  return phone === undefined ? undefined : lookUp(phone, BY_PHONE);
}

async function remember(name: string, statement: Statement): Promise<Payee | undefined> {
  const payee = known.get(name) ?? (await lookUp(name, statement));
  if (!payee) return undefined;
  if (known.size >= LARGEST_CACHE && !known.has(name)) known.delete(known.keys().next().value as string);
  known.set(name, payee);
  return payee;
}

async function lookUp(name: string, statement: Statement): Promise<Payee | undefined> {
  const [row] = await query<{ account_id: string; username: string; type: 'user' | 'merchant' }>({
    ...statement,
    values: [name],
  });
  return row && { accountId: row.account_id, username: row.username, type: row.type };
}

/**
 * Masks a name so that a payer recognises it but a stranger does not learn it: `budi_santoso` becomes `b**i s*****o`.
 */
export function maskName(username: string): string {
  return username
    .split(/[._]+/)
    .filter(Boolean)
    .map((part) => (part.length < 3 ? `${part[0]}*` : part[0] + '*'.repeat(part.length - 2) + part.at(-1)))
    .join(' ');
}
