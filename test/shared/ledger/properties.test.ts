// The ledger does what the model says, for any requests in any order and at the same time. A failure prints a seed and
// a path: `PROPERTY_SEED=... PROPERTY_PATH=... npm test -- properties` runs the same again; PROPERTY_RUNS=1000 runs
// more, and PROPERTY_SHRINK=1 looks for the smallest failure, which takes minutes.

import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import pg from 'pg';
import type { runBatch } from '../../../shared/ledger/posting/batch.ts';
import type { post } from '../../../shared/ledger/posting/ledger.ts';
import { runShutdown } from '../../../shared/platform/shutdown.ts';
import { createTestDatabase, type TestDatabase } from '../../setup/database.ts';
import { intervene, lowerLimits, openCast, thaw } from './cast.ts';
import type { Done } from './order.ts';
import { type Command, type Planned, Planner, postingOf, rounds, type Step, sequence } from './plan.ts';
import { resultOfEnded, resultOfError, resultOfPosted } from './result.ts';
import { brokenInvariants, Verdict } from './verdict.ts';

const CONNECTIONS = 4;
/** Long enough even for a machine that is busy with other work. */
const PATIENCE_MS = 600_000;
const SEEDS = process.env['PROPERTY_SEED'] ? [Number(process.env['PROPERTY_SEED'])] : [1, 20_261_121];

let database: TestDatabase;
let admin: pg.Client;
let ledger: { post: typeof post; runBatch: typeof runBatch };
const clients: pg.Client[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
  admin = new pg.Client({ connectionString: database.adminUrl });
  await admin.connect();
  await lowerLimits(admin);
  process.env['DATABASE_URL'] = database.urls.money;
  // Nothing listens there: every event stays in the outbox.
  process.env['K_SINK'] = 'http://127.0.0.1:9/';
  process.env['LOG_LEVEL'] = 'silent';
  ledger = {
    ...(await import('../../../shared/ledger/posting/ledger.ts')),
    ...(await import('../../../shared/ledger/posting/batch.ts')),
  };
  for (let count = 0; count < CONNECTIONS; count++) {
    const client = new pg.Client({ connectionString: database.urls.money, pipeline: true });
    await client.connect();
    clients.push(client);
  }
}, PATIENCE_MS);

afterAll(async () => {
  await Promise.all(clients.map((client) => client.end()));
  await runShutdown(() => undefined);
  await admin.end();
  await database.drop();
}, PATIENCE_MS);

/** Runs the property with each seed; `runs` is for one of them. */
function eachSeed(name: string, runs: number, property: () => fc.IAsyncProperty<unknown>): void {
  test.each(SEEDS)(
    `${name} (seed %i)`,
    async (seed) => {
      const path = process.env['PROPERTY_PATH'];
      const numRuns = Number(process.env['PROPERTY_RUNS'] ?? runs);
      await fc.assert(property(), {
        seed,
        numRuns,
        endOnFailure: process.env['PROPERTY_SHRINK'] !== '1',
        ...(path && { path }),
      });
      expect(await brokenInvariants(admin)).toEqual([]);
    },
    PATIENCE_MS,
  );
}

/** One run: a cast of its own, and a verdict at the end. */
async function judged(run: (verdict: Verdict, planner: Planner, act: (step: Step) => Promise<void>) => Promise<void>) {
  const { cast, model } = await openCast(admin);
  const verdict = new Verdict(cast, model);
  try {
    await run(verdict, new Planner(cast), async (step) => {
      if ('intervention' in step) verdict.broken.push(...(await intervene(admin, model, cast, step.intervention)));
    });
    await verdict.compareAccounts(admin);
    await verdict.compareTraces(admin);
  } finally {
    await thaw(admin, cast.operator);
  }
  if (verdict.broken.length > 0) throw new Error(verdict.broken.slice(0, 5).join('\n'));
}

async function through(planned: Planned): Promise<Done> {
  const ask = () => ledger.post(postingOf(planned)).then(resultOfPosted, resultOfError);
  let result = await ask();
  // On a busy machine a batch may wait too long. Then it has changed nothing, and a client asks again.
  for (let again = 0; again < 4 && result.outcome === 'busy'; again++) result = await ask();
  return { planned, result };
}

let batches = 0;
async function asBatch(client: pg.Client, planned: readonly Planned[]): Promise<Done[]> {
  const ended = await ledger.runBatch(client, planned.map(postingOf));
  const batch = ++batches;
  return planned.map((each, index) => {
    const end = ended[index];
    if (!end) throw new Error('a posting of the batch has no end');
    return { planned: each, result: resultOfEnded(end, each.operationId), batch };
  });
}

function postingsOf(steps: readonly Step[]): Planned[] {
  return steps.flatMap((step) => ('posting' in step ? [step.posting] : []));
}

/** Cuts into pieces of these sizes, again from the first when they are used up. */
function pieces<Value>(values: readonly Value[], sizes: readonly number[]): Value[][] {
  const cut: Value[][] = [];
  for (let at = 0; at < values.length; at += cut.at(-1)?.length ?? 1) {
    cut.push(values.slice(at, at + (sizes[cut.length % sizes.length] ?? 1)));
  }
  return cut;
}

const size = fc.oneof(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 1, max: 100 }));
const sizes = fc.array(size, { minLength: 1, maxLength: 6 });

eachSeed('one at a time, every operation ends as the model says', 3, () =>
  fc.asyncProperty(sequence(60), (commands) =>
    judged(async (verdict, planner, act) => {
      for (const step of planner.plan(commands)) {
        await act(step);
        if ('posting' in step) verdict.judge([await through(step.posting)]);
        await verdict.compareAccounts(admin);
        if (verdict.broken.length > 0) return;
      }
    }),
  ),
);

eachSeed('in batches of any size, every operation ends as the model says of their order', 3, () =>
  fc.asyncProperty(rounds(3, 120, { poisoned: false }), sizes, (commands, cuts) =>
    judged(async (verdict, planner, act) => {
      for (const round of commands) {
        const steps = planner.plan(round);
        for (const step of steps) await act(step);
        for (const batch of pieces(postingsOf(steps), cuts)) {
          verdict.judge(await asBatch(clients[0] as pg.Client, batch));
          await verdict.compareAccounts(admin);
          if (verdict.broken.length > 0) return;
        }
      }
    }),
  ),
);

eachSeed('many clients of one instance at once see one order that the model agrees with', 2, () =>
  fc.asyncProperty(rounds(3, 150), size, (commands, callers) =>
    judged(async (verdict, planner, act) => {
      await inRounds(commands, verdict, planner, act, async (planned) => {
        const waiting = [...planned];
        const done: Done[] = [];
        const call = async () => {
          for (let next = waiting.shift(); next; next = waiting.shift()) done.push(await through(next));
        };
        await Promise.all(Array.from({ length: callers }, call));
        return done;
      });
    }),
  ),
);

eachSeed('many instances at once see one order that the model agrees with', 2, () =>
  fc.asyncProperty(rounds(3, 200, { poisoned: false }), sizes, (commands, cuts) =>
    judged(async (verdict, planner, act) => {
      await inRounds(commands, verdict, planner, act, async (planned) => {
        const waiting = pieces(planned, cuts);
        const done: Done[] = [];
        // One of them posts through the queue, the others have connections of their own.
        const queued = Promise.all((waiting.pop() ?? []).map(through));
        await Promise.all(
          clients.map(async (client) => {
            for (let batch = waiting.shift(); batch; batch = waiting.shift())
              done.push(...(await asBatch(client, batch)));
          }),
        );
        return [...done, ...(await queued)];
      });
    }),
  ),
);

// Interventions come between the rounds: one set of rules decides all requests of a round.
async function inRounds(
  commands: readonly Command[][],
  verdict: Verdict,
  planner: Planner,
  act: (step: Step) => Promise<void>,
  runAll: (planned: Planned[]) => Promise<Done[]>,
): Promise<void> {
  for (const round of commands) {
    const steps = planner.plan(round);
    for (const step of steps) await act(step);
    verdict.judge(await runAll(postingsOf(steps)));
    await verdict.compareAccounts(admin);
    if (verdict.broken.length > 0) return;
  }
}

test('no transactions have waited for each other in a circle', async () => {
  const { rows } = await admin.query('select deadlocks::int from pg_stat_database where datname = current_database()');
  expect(rows).toEqual([{ deadlocks: 0 }]);
});
