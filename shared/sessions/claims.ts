// Claims: e-mail addresses and phone numbers that users have registered, and their proofs. An unproven claim leads to
// no wallet (migration 0025), and several users may claim the same address or number.

import type { Query } from '../platform/database/database.ts';

export type ClaimKind = 'email' | 'phone';

/** The user who had proven it before and loses the proof. Undefined if there was none. */
export interface Proven {
  earlierOwner: string | undefined;
}

/**
 * Marks a user's claim as proven, in the caller's transaction. A user who had proven it before loses the proof.
 * `claimed` is in its stored spelling. `not_claimed`: this user has registered another one.
 */
export async function proveClaim(
  query: Query,
  userId: string,
  kind: ClaimKind,
  claimed: string,
): Promise<Proven | 'not_claimed'> {
  const [row] = await query<{ earlier_owner: string | null }>({
    text: 'select earlier_owner from prove_claim($1, $2, $3)',
    values: [userId, kind, claimed],
  });
  return row ? { earlierOwner: row.earlier_owner ?? undefined } : 'not_claimed';
}

/** Withdraws a proof that was given by mistake. */
export async function withdrawProof(query: Query, userId: string, kind: ClaimKind): Promise<void> {
  await query({ text: 'select withdraw_proof($1, $2)', values: [userId, kind] });
}
