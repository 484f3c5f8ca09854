import { expect, test } from '@jest/globals';
import { twoGenerations } from '../../../shared/sessions/two-generations.ts';

test('used entries stay, others go, and the memory has a bound', () => {
  const map = twoGenerations<number>(10);
  map.set('used', 0);
  for (let index = 0; index < 1_000; index++) {
    map.set(`passing-${index}`, index);
    expect(map.get('used')).toBe(0);
  }
  const kept = Array.from({ length: 1_000 }, (_, index) => map.get(`passing-${index}`)).filter(
    (value) => value !== undefined,
  );
  expect(kept.length).toBeLessThanOrEqual(20);
  expect(map.get('passing-0')).toBeUndefined();
});
