// POST /v1/operator/account: suspends, revives, closes or verifies an account, or confirms its owner's e-mail address
// or phone number.

import { isDeepStrictEqual } from 'node:util';
import * as v from 'valibot';
import { audit, reasonSchema } from '../../shared/audit-trail.ts';
import { findAccountId } from '../../shared/ledger/reading/named-account.ts';
import { type Query, transaction } from '../../shared/platform/database/database.ts';
import { emailSchema } from '../../shared/platform/http/email.ts';
import { defineFunction } from '../../shared/platform/http/function.ts';
import { Problem } from '../../shared/platform/http/problem.ts';
import { type ClaimKind, proveClaim, withdrawProof } from '../../shared/sessions/claims.ts';
import { operator } from '../../shared/sessions/operator.ts';
import { phoneSchema, usernameSchema } from '../../shared/wallet/request.ts';

const Body = v.pipe(
  v.strictObject({
    account_id: v.optional(v.pipe(v.string(), v.uuid('must be an account id (a UUID)'))),
    username: v.optional(usernameSchema),
    status: v.optional(v.picklist(['ACTIVE', 'SUSPENDED', 'CLOSED'])),
    verified: v.optional(
      v.pipe(
        v.boolean(),
        v.description("Whether the owner's identity is proven (KYC); limits on e-money depend on it."),
      ),
    ),
    proven_email: v.optional(
      v.nullable(
        v.pipe(
          emailSchema,
          v.description(
            "Proven to be the owner's: the address that the owner has registered. Null takes the proof back.",
          ),
        ),
      ),
    ),
    proven_phone: v.optional(
      v.nullable(
        v.pipe(
          phoneSchema,
          v.description(
            "Proven to be the owner's: the number that the owner has registered. Null takes the proof back.",
          ),
        ),
      ),
    ),
    reason: reasonSchema,
  }),
  v.check(
    ({ account_id, username }) => (account_id === undefined) !== (username === undefined),
    'must have exactly one of account_id and username',
  ),
  v.check(
    ({ account_id, username, reason, ...wish }) => Object.values(wish).some((value) => value !== undefined),
    'must have at least one of status, verified, proven_email and proven_phone',
  ),
  v.examples([
    { username: 'siti.rahayu', status: 'SUSPENDED', reason: 'Phone reported as stolen: CASE-881' },
    { username: 'siti.rahayu', proven_phone: '081234567890', reason: 'Bill of the mobile operator seen: CASE-907' },
  ]),
);

const Account = v.object({
  id: v.pipe(v.string(), v.uuid()),
  username: v.pipe(v.string(), v.examples(['siti.rahayu'])),
  status: v.picklist(['ACTIVE', 'SUSPENDED', 'CLOSED']),
  verified_at: v.nullable(v.pipe(v.string(), v.isoTimestamp())),
  email_verified_at: v.nullable(v.pipe(v.string(), v.isoTimestamp())),
  phone_verified_at: v.nullable(v.pipe(v.string(), v.isoTimestamp())),
  updated_at: v.pipe(v.string(), v.isoTimestamp()),
});

export default defineFunction({
  name: 'change-account',
  summary: 'Suspend, revive, close or verify an account',
  description:
    'A suspended account cannot pay or be paid. It still receives refunds and paid top-ups, and its holds can be ' +
    'captured or voided. An account can be closed at zero, with no open holds and no pending transactions. Closing ' +
    'is final. A change that is already made does nothing. People can be found and paid by a phone number only after ' +
    'it is proven. The proof moves the number, or the e-mail address, to this user: a user who had proven it before ' +
    'loses the proof.',
  uses: { database: 'operator', redis: true, accessTokens: 'verify' },
  http: {
    route: 'POST /v1/operator/account',
    limit: { perMinute: 60, by: 'user' },
    caller: operator,
    body: Body,
    answer: v.object({ account: Account }),
    status: 200,
    errors: ['operator_only', 'wallet_not_found', 'claim_not_found', 'account_not_empty', 'account_closed_for_good'],

    handle: async ({ caller: { userId }, body: { account_id, username, reason, ...wish } }) => {
      const changed = await transaction(async (query) => {
        const id = await findAccountId(query, account_id ?? username ?? '');
        if (id === undefined) throw new Problem('wallet_not_found');
        const before = await lock(query, id);
        const record = (accountId: string, detail: Readonly<Record<string, unknown>>) =>
          audit(query, { actor: userId, action: 'change-account', subject: `account:${accountId}`, reason, detail });
        const after = await changeProofs(query, await changeStatus(query, before, wish), wish, record);
        if (isDeepStrictEqual(stateOf(after), stateOf(before))) return before;
        await record(before.id, { before: stateOf(before), after: stateOf(after) });
        return after;
      });
      const { id, username: owner, updated_at } = changed;
      return { data: { account: { id, username: owner, ...stateOf(changed), updated_at: updated_at.toISOString() } } };
    },
  },
});

type Wish = Omit<v.InferOutput<typeof Body>, 'account_id' | 'username' | 'reason'>;

async function changeStatus(query: Query, before: AccountRow, wish: Wish): Promise<AccountRow> {
  const status = wish.status ?? before.status;
  const isVerified = wish.verified ?? before.verified_at !== null;
  if (status === before.status && isVerified === (before.verified_at !== null)) return before;
  if (before.status === 'CLOSED') throw new Problem('account_closed_for_good');
  if (status === 'CLOSED') refuseUnlessEmpty(before);
  return update(query, before, status, isVerified);
}

async function changeProofs(
  query: Query,
  before: AccountRow,
  { proven_email, proven_phone }: Wish,
  record: (accountId: string, detail: Readonly<Record<string, unknown>>) => Promise<void>,
): Promise<AccountRow> {
  if (proven_email === undefined && proven_phone === undefined) return before;
  if (before.status === 'CLOSED') throw new Problem('account_closed_for_good');
  const wishes: [ClaimKind, string | null | undefined][] = [
    ['email', proven_email],
    ['phone', proven_phone],
  ];
  for (const [kind, claimed] of wishes) {
    if (claimed === null) await withdrawProof(query, before.user_id, kind);
    if (typeof claimed !== 'string') continue;
    const proven = await proveClaim(query, before.user_id, kind, claimed);
    if (proven === 'not_claimed') {
      throw new Problem('claim_not_found', { errors: [{ pointer: `/proven_${kind}`, detail: NOT_CLAIMED }] });
    }
    if (proven.earlierOwner === undefined) continue;
    const [loser] = await query<{ id: string }>({
      text: 'select id from accounts where user_id = $1',
      values: [proven.earlierOwner],
    });
    await record(loser?.id ?? '', { lost: kind, taken_over_by: `account:${before.id}` });
  }
  const [times] = await query<Pick<AccountRow, 'email_verified_at' | 'phone_verified_at'>>({
    text: 'select email_verified_at, phone_verified_at from users where id = $1',
    values: [before.user_id],
  });
  return { ...before, ...(times as Pick<AccountRow, 'email_verified_at' | 'phone_verified_at'>) };
}

const NOT_CLAIMED = 'must equal the one that the owner registered';

interface AccountRow {
  id: string;
  user_id: string;
  username: string;
  status: 'ACTIVE' | 'SUSPENDED' | 'CLOSED';
  verified_at: Date | null;
  email_verified_at: Date | null;
  phone_verified_at: Date | null;
  updated_at: Date;
  balance: string;
  held: string;
  pending: string;
}

/**
 * Locks the account as the ledger does, so that no money moves between the check and the change. System accounts cannot
 * be changed.
 */
async function lock(query: Query, id: string): Promise<AccountRow> {
  const [row] = await query<AccountRow>({
    text: `
      select account.id, account.user_id, person.username, account.account_status as status, account.verified_at, account.updated_at,
             person.email_verified_at, person.phone_verified_at, account.balance, account.held, account.pending
        from accounts account join users person on person.id = account.user_id
       where account.id = $1 for no key update of account`,
    values: [id],
  });
  if (!row) throw new Problem('wallet_not_found');
  return row;
}

function refuseUnlessEmpty({ balance, held, pending }: AccountRow): void {
  if ([balance, held, pending].some((amount) => amount !== '0.00')) {
    throw new Problem('account_not_empty', { members: { balance, held, pending } });
  }
}

/** updated_at never runs backwards, even if the clock does. */
async function update(
  query: Query,
  before: AccountRow,
  status: AccountRow['status'],
  isVerified: boolean,
): Promise<AccountRow> {
  const [times] = await query<Pick<AccountRow, 'verified_at' | 'updated_at'>>({
    text: `
      update accounts set account_status = $2, verified_at = case when $3 then coalesce(verified_at, clock_timestamp()) end,
             updated_at = greatest(updated_at, clock_timestamp())
       where id = $1 returning verified_at, updated_at`,
    values: [before.id, status, isVerified],
  });
  return { ...before, status, ...(times as Pick<AccountRow, 'verified_at' | 'updated_at'>) };
}

function stateOf({ status, verified_at, email_verified_at, phone_verified_at }: AccountRow) {
  return {
    status,
    verified_at: verified_at?.toISOString() ?? null,
    email_verified_at: email_verified_at?.toISOString() ?? null,
    phone_verified_at: phone_verified_at?.toISOString() ?? null,
  };
}
