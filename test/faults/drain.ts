// When the faults are over: every client learns its end, every unknown outcome is asked about, and everything on its
// way arrives.

import { setTimeout as delay } from 'node:timers/promises';
import type pg from 'pg';
import type { Operation } from './books.ts';
import type { Dice } from './random.ts';
import { ask, type Counter, carryOut } from './send.ts';
import { SCHEDULED, type Stage } from './stage.ts';

const DRAINED_WITHIN_MS = 90_000;
/** One instance answers the questions. */
const AT_ONCE = 10;
const MOST_TURNS = 30;
const PAUSE_MS = 500;

/**
 * Sends operations without an end again. A client that did not know its outcome asks again, and must get the same
 * answer.
 */
export async function resolveUnknown(operations: readonly Operation[], counter: Counter, dice: Dice): Promise<void> {
  await eachOf(
    operations.filter(({ end }) => !end),
    async (operation) => {
      await carryOut(operation, counter, dice, false);
      if (!operation.end)
        counter.surprise(operation, 'no instance could tell its end, long after the faults were over');
    },
  );
  await eachOf(
    operations.filter(({ wasUnknown, end }) => wasUnknown || end === 'given_up'),
    (operation) => confirm(operation, counter, dice),
  );
}

async function confirm(operation: Operation, counter: Counter, dice: Dice): Promise<void> {
  let answer = await ask(operation, counter, dice);
  for (let turn = 1; turn < MOST_TURNS && (answer === 'lost' || answer.status >= 500); turn++) {
    await delay(PAUSE_MS);
    answer = await ask(operation, counter, dice);
  }
  if (answer === 'lost' || answer.status >= 500)
    return counter.surprise(operation, 'no instance answers, long after the faults were over');
  const { end, status, transaction } = operation;
  // Refusals before the lock (403, 404, a field that cannot be used) are not kept, and a given-up request may never
  // have arrived.
  if (answer.status === 404) {
    if (end === 'given_up' || end === 'refused') return;
    return counter.surprise(operation, `it was told ${status}, and its key is unknown`);
  }
  const told = answer.body.data;
  if (end === 'given_up') {
    if (told.status === null || told.status < 400)
      counter.surprise(operation, `it was told that nothing had happened, and now ${told.status}`);
  } else if (told.status !== status || (transaction && told.operation_id !== transaction.operation_id)) {
    counter.surprise(
      operation,
      `it was told ${status} ${transaction?.operation_id}, and now ${told.status} ${told.operation_id}`,
    );
  }
}

/** Waits until nothing is on its way any more; returns sentences about what still is after a while. */
export async function drain(stage: Stage): Promise<string[]> {
  const end = Date.now() + DRAINED_WITHIN_MS;
  for (;;) {
    const left = await leftBehind(stage);
    if (left.length === 0 || Date.now() > end) return left;
    // Time passes faster here: whatever waits for a tick, a lease or a look gets it now.
    await stage.withDatabase(letTimePass);
    await Promise.all(SCHEDULED.map(stage.tick));
    await delay(200);
  }
}

async function letTimePass(client: pg.Client): Promise<void> {
  await client.query("update outbox set leased_until = null, created_at = created_at - interval '1 minute'");
  await client.query('update topups set look_at = now() where look_at is not null');
}

async function leftBehind({ withDatabase, gopay }: Stage): Promise<string[]> {
  const left: string[] = [];
  const notifications = await gopay.control.notifications();
  const waiting = notifications.filter(({ state }) => state === 'waiting' || state === 'held').length;
  if (waiting > 0) left.push(`${waiting} notifications of the provider are on their way`);
  const ended = new Map(
    (await gopay.control.payments()).map((payment) => [payment.partnerReferenceNo, payment.status]),
  );
  await withDatabase(async (client) => {
    const outbox = await client.query('select count(*)::int as count from outbox');
    if (outbox.rows[0].count > 0) left.push(`${outbox.rows[0].count} events are in the outbox`);
    const { rows } = await client.query<{ reference: string }>(
      `select attempt.reference
         from historical_transactions leg join topup_attempts attempt using (operation_id)
        where leg.transaction_type = 'TOPUP' and leg.transaction_status = 'PENDING' and attempt.state in ('REQUESTED', 'ACCEPTED')`,
    );
    const unsettled = rows.filter(
      ({ reference }) => !['initiated', 'pending', undefined].includes(ended.get(reference)),
    );
    if (unsettled.length > 0) left.push(`${unsettled.length} top-ups have ended at the provider and not here`);
  });
  return left;
}

async function eachOf<Value>(values: readonly Value[], work: (value: Value) => Promise<void>): Promise<void> {
  const left = [...values];
  const worker = async () => {
    for (let value = left.shift(); value !== undefined; value = left.shift()) await work(value);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}
