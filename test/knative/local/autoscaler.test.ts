import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { type AutoscalerSettings, decide, newState, within } from '../../../knative/local/autoscaler.ts';
import { concurrencyMeter } from '../../../knative/local/concurrency.ts';

interface Recorded {
  cases: { settings: AutoscalerSettings; steps: [number, number, number, number, number][] }[];
}

const recorded = JSON.parse(readFileSync(new URL('recorded-decisions.json', import.meta.url), 'utf8')) as Recorded;

test('every decision recorded from the real autoscaler is ours too', () => {
  expect(recorded.cases.length).toBeGreaterThan(20);
  for (const { settings, steps } of recorded.cases) {
    const state = newState();
    const [first] = steps;
    // The recording began in a panic when more than one instance was ready.
    if (first && first[3] > 1) Object.assign(state, { panicSince: Number.POSITIVE_INFINITY, mostInPanic: first[3] });
    const ours = steps.map(([seconds, stable, panic, ready]) =>
      decide(settings, state, { now: seconds * 1000, stable, panic, ready }),
    );
    expect(ours).toEqual(steps.map(([, , , , wanted]) => wanted));
  }
});

test('min-scale and max-scale bound every decision, and 0 means no limit', () => {
  expect(within({ min: 2, max: 4 }, 0)).toBe(2);
  expect(within({ min: 2, max: 4 }, 9)).toBe(4);
  expect(within({ min: 0, max: 0 }, 99)).toBe(99);
});

describe('the concurrency of a service', () => {
  const meterAt = () => {
    const clock = { now: 0 };
    return { clock, meter: concurrencyMeter(60_000, () => clock.now) };
  };

  test('is weighted by time, over the time since the first request', () => {
    const { clock, meter } = meterAt();
    meter.set(10);
    clock.now = 1000;
    meter.set(0);
    clock.now = 4000;
    expect(meter.average(60_000)).toBeCloseTo(2.5);
  });

  test('forgets requests that are older than the window, and is zero after an idle one', () => {
    const { clock, meter } = meterAt();
    meter.set(6);
    clock.now = 10_000;
    meter.set(0);
    clock.now = 11_500;
    expect(meter.average(4000)).toBeCloseTo(3);
    clock.now = 71_000;
    expect(meter.average(60_000)).toBe(0);
  });

  test('is zero for a service without requests', () => {
    const { clock, meter } = meterAt();
    clock.now = 5000;
    expect(meter.average(60_000)).toBe(0);
  });
});
