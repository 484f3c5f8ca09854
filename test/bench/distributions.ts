// Who pays whom. A distribution draws a payer and a payee from the accounts, numbered from 0; `merchant` is the number of the one
// merchant behind them.

export type Draw = (random: Random, accounts: number, merchant: number) => [payer: number, payee: number];

export const distributions = {
  /** Everybody pays everybody. */
  uniform: (random, accounts) => {
    const payer = below(random, accounts);
    const payee = below(random, accounts - 1);
    return [payer, payee < payer ? payee : payee + 1];
  },
  /** Everybody pays one merchant: every payment wants the same row. */
  hot: (random, accounts, merchant) => [below(random, accounts), merchant],
} as const satisfies Record<string, Draw>;

export type Distribution = keyof typeof distributions;

/** The next of a reproducible sequence of 32-bit whole numbers. */
export type Random = () => number;

/** xorshift32 (Marsaglia 2003): the same seed, the same load. */
export function randomFrom(seed: number): Random {
  let state = seed >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state;
  };
}

function below(random: Random, bound: number): number {
  return Math.floor((random() / 2 ** 32) * bound);
}
