// One batch against the database: lock, read, decide, write, commit. It takes two round trips for any number of
// postings.

import type pg from 'pg';
import type { OutboxEvent } from '../../platform/events/event.ts';
import { type Decision, decide, isKept, isRecorded, type State } from '../rules/decide.ts';
import type { Account, HeldAmount, Leg, Posting, Recorded, RefundTotal, SeenKey } from '../rules/words.ts';
import { lockAndRead, monthOf } from './lock-and-read.ts';
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
  let writes: Writes;
  try {
    const { decisions, accounts } = decide(state, postings);
    ended = record(postings, decisions);
    writes = collectWrites(postings, ended, state, accounts);
  } catch (error) {
    await rollBack(client);
    throw new BatchFailure('faulty', error);
  }
  if (writes.keys.length === 0) await rollBack(client);
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

/** Collects the final state of every row, so that a row that changes twice in one batch is written once. */
function collectWrites(
  postings: readonly Posting[],
  ended: readonly Ended[],
  state: State,
  changed: ReadonlyMap<string, Account>,
): Writes {
  const legs = new Map<string, Leg>();
  const holds = new Map<string, HeldAmount>();
  const refunds = new Map<string, RefundTotal>();
  const keys: Writes['keys'] = [];
  const events: OutboxEvent[] = [];
  for (const [index, end] of ended.entries()) {
    if ('repeats' in end || !isKept(end.decision.outcome)) continue;
    const { decision, recorded } = end;
    for (const leg of decision.legs) legs.set(leg.id, leg);
    if (decision.hold) holds.set(decision.hold.operationId, decision.hold);
    if (decision.refund) refunds.set(decision.refund.operationId, decision.refund);
    events.push(...(recorded.events ?? []));
    keys.push({ posting: postings[index] as Posting, data: recorded.data });
  }
  const accounts = [...changed.values()];
  const all = [...legs.values()];
  return {
    now: state.now,
    month: monthOf(state.now),
    accounts,
    expected: accounts.map(({ id }) => state.accounts.get(id)?.version ?? -1n),
    newLegs: all.filter(({ id }) => !state.legs.has(id)),
    changedLegs: all.filter(({ id }) => state.legs.has(id)),
    holds: [...holds.values()],
    refunds: [...refunds.values()],
    keys,
    events,
  };
}

/** Rolls back as well as it can. If that fails, the caller drops the connection and the server rolls back. */
async function rollBack(client: pg.Client): Promise<void> {
  await client.query('rollback').catch(() => undefined);
}
