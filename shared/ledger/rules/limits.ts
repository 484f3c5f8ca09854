// The limits on e-money: how much a person's wallet may hold, and receive in a month. Merchants have none.

import { LARGEST_AMOUNT } from '../../money.ts';
import type { Account, Bound, LimitRule, Limits } from './words.ts';

const OUTCOME_OF = { BALANCE: 'balance_limit', MONTHLY_INCOMING: 'incoming_limit' } as const;

export interface OverLimit {
  outcome: 'balance_too_large' | 'balance_limit' | 'incoming_limit';
  bound: Bound;
}

/**
 * The first limit that `amount` more would break. Undefined if there is room. PENDING money counts as received, so that
 * an accepted top-up never finds the wallet full.
 */
export function overLimit(account: Account, amount: bigint, limits: Limits): OverLimit | undefined {
  if (account.kind === 'SYSTEM') return undefined;
  const promised = account.balance + account.pending;
  if (account.kind === 'PERSON') {
    const rules = limits[account.verified ? 'VERIFIED' : 'UNVERIFIED'];
    const used: Record<LimitRule, bigint> = { BALANCE: promised, MONTHLY_INCOMING: account.incoming + account.pending };
    for (const rule of ['BALANCE', 'MONTHLY_INCOMING'] as const) {
      const value = rules[rule];
      if (value !== undefined && used[rule] + amount > value) {
        return { outcome: OUTCOME_OF[rule], bound: boundOf(value, used[rule], account.id) };
      }
    }
  }
  return overLargest(account, amount);
}

/** The size of the columns limits every account and every kind of movement. */
export function overLargest(account: Account, amount: bigint): OverLimit | undefined {
  const promised = account.balance + account.pending;
  if (account.kind === 'SYSTEM' || promised + amount <= LARGEST_AMOUNT) return undefined;
  return { outcome: 'balance_too_large', bound: boundOf(LARGEST_AMOUNT, promised, account.id) };
}

/** The use can exceed the limit if the limit was lowered. */
function boundOf(value: bigint, used: bigint, accountId: string): Bound {
  return { value, left: used < value ? value - used : 0n, accountId };
}
