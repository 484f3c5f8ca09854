// What is measured: the variants that are compared, and the matrix they are compared in.

import type { Distribution } from './distributions.ts';
import type { Program } from './instances.ts';
import type { Load } from './load.ts';

export interface Variant {
  program: Program;
  distribution: Distribution;
  tokens: Load['tokens'];
}

/** One round of each, then again: neighbours in time are compared with each other. */
export const variants = {
  empty: { program: 'empty', distribution: 'uniform', tokens: 'known' },
  pay: { program: 'pay', distribution: 'uniform', tokens: 'known' },
  'pay, cold tokens': { program: 'pay', distribution: 'uniform', tokens: 'fresh' },
  plain: { program: 'plain', distribution: 'uniform', tokens: 'known' },
  'pay, one hot account': { program: 'pay', distribution: 'hot', tokens: 'known' },
  'plain, one hot account': { program: 'plain', distribution: 'hot', tokens: 'known' },
} as const satisfies Record<string, Variant>;

export type VariantName = keyof typeof variants;
export const variantNames = Object.keys(variants) as VariantName[];

/** Fresh tokens would drive the known ones out of an instance's memory: they go to instances of their own. */
export function instanceGroupOf(name: VariantName): string {
  const { program, tokens } = variants[name];
  return tokens === 'fresh' ? `${program}, fresh` : program;
}

export interface Ratio {
  title: string;
  of: VariantName;
  to: VariantName;
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
