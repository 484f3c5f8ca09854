// Finds the order in which a ledger has decided, afterwards. Every decision says which version of each account it saw,
// and the legs that it wrote say which version they left: together they leave no choice. A posting that saw version 5
// of an account was decided after leg 5 was written and before leg 6, whether it was posted or refused.

import { isKeptByRule } from './model.ts';
import type { Planned } from './plan.ts';
import type { Result } from './result.ts';

export interface Done {
  planned: Planned;
  result: Result;
  /** Postings of one batch, in its order, carry the same number. */
  batch?: number;
}

/** All postings in an order that explains what each saw; names those that no order explains. */
export function decidedOrder(done: readonly Done[]): { order: Done[]; broken: string[] } {
  const broken: string[] = [];
  const after = done.map(() => new Set<number>());
  const precedes = (earlier: number | undefined, later: number | undefined) => {
    if (earlier !== undefined && later !== undefined && earlier !== later) after[earlier]?.add(later);
  };
  byVersions(done, precedes, broken);
  byKeys(done, precedes, broken);
  const last = new Map<number, number>();
  for (const [index, { batch }] of done.entries()) {
    if (batch === undefined) continue;
    precedes(last.get(batch), index);
    last.set(batch, index);
  }
  const order = sorted(after);
  if (order.length < done.length) broken.push('no order of the postings explains what each of them saw');
  return { order: order.map((index) => done[index] as Done), broken };
}

type Precedes = (earlier: number | undefined, later: number | undefined) => void;

function byVersions(done: readonly Done[], precedes: Precedes, broken: string[]): void {
  const writers = new Map<string, number>();
  for (const [index, { result }] of done.entries()) {
    for (const [accountId, legNumber] of result.legs) {
      const place = `${accountId}/${legNumber}`;
      if (writers.has(place)) broken.push(`two postings wrote leg ${place}`);
      writers.set(place, index);
    }
  }
  for (const [index, { result }] of done.entries()) {
    const written = new Set(result.legs.map(([accountId]) => accountId));
    for (const { id, version } of result.accounts) {
      precedes(writers.get(`${id}/${version - (written.has(id) ? 1n : 0n)}`), index);
      precedes(index, writers.get(`${id}/${version + 1n}`));
    }
  }
}

/** Each key has one first result; before it come only results that are not kept, after it only repetitions. */
function byKeys(done: readonly Done[], precedes: Precedes, broken: string[]): void {
  const firsts = new Map<string, number>();
  const nameOf = ({ planned: { key } }: Done) => `${key.accountId}/${key.key}`;
  for (const [index, each] of done.entries()) {
    if (!isDecided(each) || !isKeptByRule(each.result as { outcome: 'posted' })) continue;
    if (firsts.has(nameOf(each))) broken.push(`key ${each.planned.key.key} was decided twice`);
    firsts.set(nameOf(each), index);
  }
  for (const [index, each] of done.entries()) {
    const first = firsts.get(nameOf(each));
    if (isRepetition(each)) precedes(first, index);
    else if (first !== index) precedes(index, first);
  }
}

function isRepetition({ result: { outcome } }: Done): boolean {
  return outcome === 'replayed' || outcome === 'key_in_progress' || outcome === 'key_reused';
}

function isDecided({ result }: Done): boolean {
  return result.accounts.length > 0 || result.text !== null;
}

/** Kahn's algorithm: a posting that waits for no other is next. Those on a circle are never next. */
function sorted(after: readonly ReadonlySet<number>[]): number[] {
  const waitsFor = after.map(() => 0);
  for (const followers of after) for (const each of followers) waitsFor[each] = (waitsFor[each] ?? 0) + 1;
  const order = [...after.keys()].filter((index) => waitsFor[index] === 0);
  for (const index of order) {
    for (const each of after[index] ?? []) {
      waitsFor[each] = (waitsFor[each] ?? 0) - 1;
      if (waitsFor[each] === 0) order.push(each);
    }
  }
  return order;
}
