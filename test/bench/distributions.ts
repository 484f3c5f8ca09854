// Who pays whom. A distribution draws a payer and a payee from the accounts, numbered from 0; `hot` is the number of
// the account that all of them pay, which may be one of them or stand behind them.

export type Draw = (random: Random, accounts: number, hot: number) => [payer: number, payee: number];

export const distributions = {
  /** Each account pays any other. */
  uniform: (random, accounts) => {
    const payer = below(random, accounts);
    const payee = below(random, accounts - 1);
    return [payer, payee < payer ? payee : payee + 1];
  },
  /** Some are far more popular than others, as payers and as payees: the second half as much as the first, the third a third. */
  zipf: (random, accounts) => {
    const payer = popular(random, accounts);
    for (;;) {
      const payee = popular(random, accounts);
      if (payee !== payer) return [payer, payee];
    }
  },
  /** All accounts pay one: every payment wants the same row. */
  hot: (random, accounts, hot) => {
    const payer = below(random, accounts);
    return [payer === hot ? (payer + 1) % accounts : payer, hot];
  },
} as const satisfies Record<string, Draw>;

export type Distribution = keyof typeof distributions;
export const distributionNames = Object.keys(distributions) as Distribution[];

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

export function below(random: Random, bound: number): number {
  return Math.floor((random() / 2 ** 32) * bound);
}

/** A prime: the popular accounts are spread, so that they do not share a page of the table. */
const STRIDE = 7919;

/** Zipf with exponent 1.0. */
function popular(random: Random, accounts: number): number {
  if (sums.length !== accounts) sums = harmonicSums(accounts);
  const drawn = (random() / 2 ** 32) * (sums.at(-1) ?? 0);
  let [first, last] = [0, accounts - 1];
  while (first < last) {
    const middle = (first + last) >> 1;
    if ((sums[middle] as number) > drawn) last = middle;
    else first = middle + 1;
  }
  return (first * STRIDE) % accounts;
}

let sums: Float64Array = new Float64Array();

/** 1, 1 + 1/2, 1 + 1/2 + 1/3 ... */
function harmonicSums(length: number): Float64Array {
  let sum = 0;
  return Float64Array.from({ length }, (_, index) => {
    sum += 1 / (index + 1);
    return sum;
  });
}
