// The limits on e-money: what a person's wallet may hold, and take in during a month. Merchants have none.

import { LARGEST_AMOUNT } from '../../money.ts';
import type { Account, Bound, LimitRule, Limits } from './words.ts';

const OUTCOME_OF = { BALANCE: 'balance_limit', MONTHLY_INCOMING: 'incoming_limit' } as const;

export interface OverLimit {
  outcome: 'balance_too_large' | 'balance_limit' | 'incoming_limit';
  bound: Bound;
}

/**
 * The first limit that `amount` more would break; undefined when there is room. What is PENDING counts as if it had come: a top-up
 * that was let in must not find the wallet full.
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

/** What the columns hold is a limit for everybody, and for every kind of movement. */
export function overLargest(account: Account, amount: bigint): OverLimit | undefined {
  const promised = account.balance + account.pending;
  if (account.kind === 'SYSTEM' || promised + amount <= LARGEST_AMOUNT) return undefined;
  return { outcome: 'balance_too_large', bound: boundOf(LARGEST_AMOUNT, promised, account.id) };
}

/** More can be used than a limit allows: it may have been lowered. */
function boundOf(value: bigint, used: bigint, accountId: string): Bound {
  return { value, left: used < value ? value - used : 0n, accountId };
}
