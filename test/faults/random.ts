// All random choices of a run come from its seed: what clients do, which faults there are, and when.

import { type Random, randomFrom } from '../bench/distributions.ts';

export interface Dice {
  /** A whole number from `least` to `most`, both included. */
  between(least: number, most: number): number;
  /** True in so many of a hundred times. */
  percent(chance: number): boolean;
  /** One of them; throws when there are none. */
  oneOf<Value>(values: readonly Value[]): Value;
  /** One of the names, as often as its weight says. */
  weighted<Name extends string>(weights: Readonly<Record<Name, number>>): Name;
  shuffled<Value>(values: readonly Value[]): Value[];
}

/**
 * A generator for each part of the run, so that one part drawing more often does not change the draws of the others.
 */
export function diceOf(seed: number, who: number): Dice {
  // Neighbouring numbers must not give similar sequences: mixed as in splitmix32.
  const random = randomFrom(mixed(mixed(seed) ^ who));
  for (let skipped = 0; skipped < 8; skipped++) random();
  return diceFrom(random);
}

function diceFrom(random: Random): Dice {
  const between = (least: number, most: number) => least + Math.floor((random() / 2 ** 32) * (most - least + 1));
  return {
    between,
    percent: (chance) => between(1, 100) <= chance,
    oneOf: (values) => {
      if (values.length === 0) throw new Error('There is nothing to choose from.');
      return values[between(0, values.length - 1)] as (typeof values)[number];
    },
    weighted: <Name extends string>(weights: Readonly<Record<Name, number>>) => {
      const entries = Object.entries(weights) as [Name, number][];
      let left = between(
        1,
        entries.reduce((sum, [, weight]) => sum + weight, 0),
      );
      for (const [name, weight] of entries) {
        left -= weight;
        if (left <= 0) return name;
      }
      throw new Error('There is nothing to choose from.');
    },
    shuffled: (values) => {
      const left = [...values];
      for (let at = left.length - 1; at > 0; at--) {
        const other = between(0, at);
        [left[at], left[other]] = [left[other] as (typeof left)[number], left[at] as (typeof left)[number]];
      }
      return left;
    },
  };
}

function mixed(value: number): number {
  let mix = (value + 0x9e3779b9) | 0;
  mix = Math.imul(mix ^ (mix >>> 16), 0x21f0aaad);
  mix = Math.imul(mix ^ (mix >>> 15), 0x735a2d97);
  return (mix ^ (mix >>> 15)) >>> 0;
}
