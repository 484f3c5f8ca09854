// E-mail addresses and phone numbers that people claim, and what proves that they are theirs. Nobody is found or paid by a claim that is
// unproven (migration 0025); several people may have the same one.

import type { Query } from '../platform/database/database.ts';

export type ClaimKind = 'email' | 'phone';

/** Whoever had proven it before, and no longer has; undefined if nobody had. */
export interface Proven {
  earlierOwner: string | undefined;
}

/**
 * Marks somebody's claim proven, in the caller's transaction, and takes it over from whoever had proven it before. `claimed` is in the
 * spelling that is stored. `not_claimed`: this person has registered another one.
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

/** Takes back what was proven by mistake. */
export async function withdrawProof(query: Query, userId: string, kind: ClaimKind): Promise<void> {
  await query({ text: 'select withdraw_proof($1, $2)', values: [userId, kind] });
}
