// One batch against the database: lock, read, decide, write, commit. It takes two round trips for any number of
// postings.

import type pg from 'pg';
import { type Decision, decide, isKept, isRecorded, type State } from '../rules/decide.ts';
import type { Leg, Posting, Recorded, RefundTotal, SeenKey } from '../rules/words.ts';
import { lockAndRead } from './lock-and-read.ts';
import { BatchFailure, type Writes, writeAndCommit } from './write-and-commit.ts';

/** How one posting of a committed batch ended: with a new decision, or with the kept result of its first time. */
export type Ended =
  | { decision: Exclude<Decision, { repeats: SeenKey } | { repeatsPosting: number }>; recorded: Recorded }
  | { repeats: SeenKey };

/** Runs the batch. Resolves when it is committed; rejects with a BatchFailure otherwise. */
export async function runBatch(client: pg.Client, postings: readonly Posting[]): Promise<Ended[]> {
  let state: State;
  try {
    state = await lockAndRead(client, postings);
  } catch (error) {
    await rollBack(client);
    throw new BatchFailure('rolled_back', error);
  }
  let ended: Ended[];
  let writes: Writes[];
  try {
    ended = record(postings, decide(state, postings).decisions);
    writes = collectWrites(postings, ended, state);
  } catch (error) {
    await rollBack(client);
    throw new BatchFailure('faulty', error);
  }
  if (writes.length === 0) await rollBack(client);
  else await writeAndCommit(client, writes);
  return ended;
}

function record(postings: readonly Posting[], decisions: readonly Decision[]): Ended[] {
  const ended: Ended[] = [];
  for (const [index, decision] of decisions.entries()) {
    const posting = postings[index] as Posting;
    if ('repeats' in decision) ended.push(decision);
    else if ('repeatsPosting' in decision) {
      const first = ended[decision.repeatsPosting] as Extract<Ended, { recorded: Recorded }>;
      const { operationId, key } = postings[decision.repeatsPosting] as Posting;
      const { data } = first.recorded;
      ended.push({ repeats: { ...key, operationId, result: data && { data } } });
    } else ended.push({ decision, recorded: isRecorded(decision.outcome) ? posting.record(decision) : { data: null } });
  }
  return ended;
}

/**
 * Collects one statement, nearly always. The database takes the legs of a statement as the next ones of their accounts,
 * new legs and changed ones apart. An account that has both, or a leg that changes twice, needs another statement.
 */
function collectWrites(postings: readonly Posting[], ended: readonly Ended[], state: State): Writes[] {
  const statements: Writes[] = [];
  const earlier = new Set(state.legs.keys());
  let legs = new Set<string>();
  let isNewOf = new Map<string, boolean>();
  let refunds = new Map<string, RefundTotal>();
  const fits = (leg: Leg) =>
    !legs.has(leg.id) && (isNewOf.get(leg.accountId) ?? !earlier.has(leg.id)) === !earlier.has(leg.id);
  for (const [index, end] of ended.entries()) {
    if ('repeats' in end || !isKept(end.decision.outcome)) continue;
    const { decision, recorded } = end;
    let writes = statements.at(-1);
    if (!writes || !decision.legs.every(fits)) {
      for (const id of legs) earlier.add(id);
      [legs, isNewOf, refunds] = [new Set(), new Map(), new Map()];
      writes = { now: state.now, newLegs: [], changedLegs: [], holds: [], refunds, keys: [], events: [] };
      statements.push(writes);
    }
    for (const leg of decision.legs) {
      const isNew = !earlier.has(leg.id);
      legs.add(leg.id);
      isNewOf.set(leg.accountId, isNew);
      (isNew ? writes.newLegs : writes.changedLegs).push(leg);
    }
    if (decision.hold) writes.holds.push(decision.hold);
    // A payment that is refunded twice in one statement is written in its final state.
    if (decision.refund) refunds.set(decision.refund.operationId, decision.refund);
    writes.events.push(...(recorded.events ?? []));
    writes.keys.push({ posting: postings[index] as Posting, data: recorded.data });
  }
  return statements;
}

/** Rolls back as well as it can. If that fails, the caller drops the connection and the server rolls back. */
async function rollBack(client: pg.Client): Promise<void> {
  await client.query('rollback').catch(() => undefined);
}
