// One instance of the ledger, as a process of its own: it posts what its parent sends, as so many clients at once, and
// sends back the results.

import process from 'node:process';
import { post } from '../../shared/ledger/posting/ledger.ts';
import { runShutdown } from '../../shared/platform/shutdown.ts';
import type { Done } from '../shared/ledger/order.ts';
import { type Planned, postingOf } from '../shared/ledger/plan.ts';
import { type Result, recovered, resultOfError, resultOfPosted } from '../shared/ledger/result.ts';

const CLIENTS = 6;
const ATTEMPTS = 5;

process.on('message', async (planned: Planned[]) => {
  const waiting = [...planned];
  const done: Done[] = [];
  await Promise.all(
    Array.from({ length: CLIENTS }, async () => {
      for (let next = waiting.shift(); next; next = waiting.shift()) {
        done.push({ planned: next, result: await ask(next) });
      }
    }),
  );
  process.send?.(done);
});

/** On a busy machine a batch may wait too long for a lock or for an answer. Then a client asks again with its key. */
async function ask(planned: Planned): Promise<Result> {
  let isUnknown = false;
  for (let attempt = 1; ; attempt++) {
    const result = await post(postingOf(planned)).then(resultOfPosted, resultOfError);
    const isOver = result.outcome !== 'busy' && result.outcome !== 'unknown';
    isUnknown ||= result.outcome === 'unknown';
    const isFound = isUnknown && result.outcome === 'replayed' && result.operationId === planned.operationId;
    if (isFound && result.text) return recovered(result.text, planned.operationId);
    if (isOver || attempt === ATTEMPTS) return result;
  }
}

process.on('disconnect', () => void runShutdown(() => process.exit(0)));
