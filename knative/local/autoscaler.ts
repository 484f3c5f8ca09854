// Knative's pod autoscaler (KPA) as a pure decision: observations go in, the wanted number of instances comes out.
// Windows, panic, delays and limits are Knative's own; test/knative/local compares it with decisions recorded from the
// real one.

import type { ScaleBounds } from './manifests.ts';

/** Knative's max-scale-up-rate and max-scale-down-rate. */
const RATES = { up: 1000, down: 2 };

export interface Observation {
  /** Milliseconds; only differences matter. */
  now: number;
  /** Requests in flight and waiting, averaged over the stable and the panic window. */
  stable: number;
  panic: number;
  ready: number;
}

export interface AutoscalerState {
  panicSince: number | undefined;
  mostInPanic: number;
  /** Earlier decisions, for scale-down-delay: the largest of them counts. */
  wanted: { at: number; count: number }[];
}

export type AutoscalerSettings = Pick<
  ScaleBounds,
  'target' | 'activation' | 'windowMs' | 'panicThreshold' | 'scaleDownDelayMs'
> & { rates?: { up: number; down: number } };

export function newState(): AutoscalerState {
  return { panicSince: undefined, mostInPanic: 0, wanted: [] };
}

/** The number of instances that there should be, before min-scale and max-scale. Updates `state`. */
export function decide(settings: AutoscalerSettings, state: AutoscalerState, seen: Observation): number {
  const { up, down } = settings.rates ?? RATES;
  const ready = Math.max(1, seen.ready);
  const most = Math.ceil(up * ready);
  const least = Math.floor(ready / down);
  const between = (count: number) => Math.min(Math.max(count, least), most);
  const stable = Math.ceil(seen.stable / settings.target);
  const panic = Math.ceil(seen.panic / settings.target);
  // From zero it starts with initial-scale instances.
  const activated = (asked: number) =>
    asked > 0 && settings.activation > 1 ? Math.max(between(asked), settings.activation) : between(asked);

  updatePanic(settings, state, seen.now, panic / ready >= settings.panicThreshold);
  let count = activated(stable);
  if (state.panicSince !== undefined) {
    // In a panic instances are only added.
    state.mostInPanic = Math.max(state.mostInPanic, count, activated(panic));
    count = state.mostInPanic;
  }
  return settings.scaleDownDelayMs > 0 ? delayed(settings.scaleDownDelayMs, state, seen.now, count) : count;
}

function updatePanic({ windowMs }: AutoscalerSettings, state: AutoscalerState, now: number, over: boolean): void {
  if (over) state.panicSince = now;
  else if (state.panicSince !== undefined && state.panicSince + windowMs < now) {
    state.panicSince = undefined;
    state.mostInPanic = 0;
  }
}

function delayed(delayMs: number, state: AutoscalerState, now: number, count: number): number {
  state.wanted = state.wanted.filter(({ at }) => at > now - delayMs);
  state.wanted.push({ at: now, count });
  return Math.max(...state.wanted.map((each) => each.count));
}

/** The decision within min-scale and max-scale (0: no limit). */
export function within({ min, max }: Pick<ScaleBounds, 'min' | 'max'>, count: number): number {
  const enough = Math.max(min, count);
  return max === 0 ? enough : Math.min(enough, max);
}
