// The choices of `make tune`, from made-up figures.

import { expect, test } from '@jest/globals';
import { choose, type Step } from './tune/choice.ts';

const step = (concurrency: number, rate: number, more: Partial<Step> = {}): Step => ({
  concurrency,
  rate,
  p50: 5,
  p95: 10,
  p99: 20,
  cpuMs: 0.5,
  rssMiB: 100,
  busy: 3,
  poolFull: 0.2,
  failed: 0,
  ...more,
});
const valuesOf = (steps: Step[], pool?: number) =>
  Object.fromEntries((choose(steps, pool) ?? []).map(({ name, value }) => [name, value]));

// 100 in flight bring 10 % more than 50, and 200 again: less than 15 % for each doubling.
const RISING = [step(1, 100), step(10, 600), step(50, 1000), step(100, 1100), step(200, 1210, { rssMiB: 300 })];

test('target is where doubling no longer brings 15 % more, containerConcurrency at least twice that', () => {
  expect(valuesOf(RISING)).toEqual({
    target: 50,
    containerConcurrency: 100,
    // 1000 answers at 0.5 ms are half a core, of which the autoscaler takes 70 %.
    'requests.cpu': 350,
    // 100 MiB, in pieces of 32; the memory of 200 in flight does not count.
    'requests.memory': 128,
    'limits.memory': 256,
  });
});

test('a step that a disturbance slowed down does not end the search', () => {
  expect(valuesOf([step(1, 100), step(10, 600), step(20, 500), step(50, 1500)])).toMatchObject({ target: 50 });
});

test('a concurrency at which requests fail is not chosen', () => {
  const failing = RISING.map((each) => (each.concurrency > 10 ? { ...each, failed: 1 } : each));
  expect(valuesOf(failing)).toMatchObject({ target: 10, containerConcurrency: 10 });
  expect(choose([step(1, 100, { failed: 1 })], undefined)).toBeUndefined();
});

test('the pool grows where it is full while the CPU is not, and stays otherwise', () => {
  const pool = (more: Partial<Step>) => valuesOf([step(50, 1000, more)], 3)['DATABASE_POOL_SIZE'];
  expect(pool({ poolFull: 0.9 })).toBe(4);
  expect(pool({ poolFull: 0.9, cpuMs: 0.9 })).toBe(3);
  expect(pool({ poolFull: 0, busy: 1 })).toBe(3);
  expect(pool({ poolFull: 0.2 })).toBe(3);
});
