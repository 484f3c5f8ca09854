// The plan of the benchmark: the variants that are compared, and the matrix in which they are compared.

import type { Distribution } from './distributions.ts';
import type { Program } from './instances.ts';
import type { Load } from './load.ts';

export interface Variant {
  program: Program;
  distribution: Distribution;
  tokens: Load['tokens'];
}

/** One round of each, then again: neighbours in time are compared with each other. */
const compared = {
  empty: { program: 'empty', distribution: 'uniform', tokens: 'known' },
  pay: { program: 'pay', distribution: 'uniform', tokens: 'known' },
  'pay, cold tokens': { program: 'pay', distribution: 'uniform', tokens: 'fresh' },
  plain: { program: 'plain', distribution: 'uniform', tokens: 'known' },
  'pay, one hot account': { program: 'pay', distribution: 'hot', tokens: 'known' },
  'plain, one hot account': { program: 'plain', distribution: 'hot', tokens: 'known' },
} as const satisfies Record<string, Variant>;

/** Every function that moves money between wallets, with every distribution. */
const functions = {
  pay: compared.pay,
  transfer: { program: 'transfer', distribution: 'uniform', tokens: 'known' },
  refund: { program: 'refund', distribution: 'uniform', tokens: 'known' },
  'pay, Zipf': { program: 'pay', distribution: 'zipf', tokens: 'known' },
  'transfer, Zipf': { program: 'transfer', distribution: 'zipf', tokens: 'known' },
  'refund, Zipf': { program: 'refund', distribution: 'zipf', tokens: 'known' },
  'pay, one hot account': compared['pay, one hot account'],
  'transfer, one hot account': { program: 'transfer', distribution: 'hot', tokens: 'known' },
  'refund, one hot account': { program: 'refund', distribution: 'hot', tokens: 'known' },
} as const satisfies Record<string, Variant>;

export const variants = { ...compared, ...functions };
export type VariantName = keyof typeof variants;
export const comparedNames = Object.keys(compared) as VariantName[];
export const functionNames = Object.keys(functions) as VariantName[];

/** The functions are compared with each other here only. */
export const FUNCTIONS_AT = { instances: 1, connections: [50] } as const;

/** Fresh tokens would push the known ones out of an instance's memory: they go to instances of their own. */
export function instanceGroupOf(name: VariantName): string {
  const { program, tokens } = variants[name];
  return tokens === 'fresh' ? `${program}, fresh` : program;
}

export interface Ratio {
  title: string;
  of: VariantName;
  to: VariantName;
}

/** A function's to pay, of the same distribution. */
export function ratioToPay(of: VariantName): Ratio {
  const { distribution } = variants[of];
  const to = functionNames.find(
    (name) => variants[name].program === 'pay' && variants[name].distribution === distribution,
  );
  return { title: `${of} ÷ pay`, of, to: to ?? 'pay' };
}

export const ratios: readonly Ratio[] = [
  { title: 'pay ÷ empty', of: 'pay', to: 'empty' },
  { title: 'pay with cold tokens ÷ empty', of: 'pay, cold tokens', to: 'empty' },
  { title: 'pay ÷ plain', of: 'pay', to: 'plain' },
  { title: 'pay ÷ plain, one hot account', of: 'pay, one hot account', to: 'plain, one hot account' },
  { title: 'pay: hot ÷ uniform', of: 'pay, one hot account', to: 'pay' },
];

export interface Plan {
  accounts: number;
  instances: readonly number[];
  connections: readonly number[];
  rounds: number;
  warmUpMs: number;
  rampMs: number;
  measuredMs: number;
  seed: number;
}

const EVERY = { accounts: 10_000, rampMs: 300, seed: 20_261_120 };

export const plans = {
  full: { ...EVERY, instances: [1, 2, 4], connections: [50, 200], rounds: 5, warmUpMs: 4_000, measuredMs: 3_000 },
  quick: { ...EVERY, instances: [1], connections: [50], rounds: 3, warmUpMs: 3_000, measuredMs: 2_000 },
} as const satisfies Record<string, Plan>;
