// node test/mutations/check.ts <seed> ...: several processes post random operations through the ledger of this tree to one database, and
// the model judges them all. Prints a line of JSON for each seed. CHECK_ADMIN_URL and CHECK_MONEY_URL name the database, which must be new.

import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import process from 'node:process';
import fc from 'fast-check';
import pg from 'pg';
import { intervene, lowerLimits, openCast } from '../shared/ledger/cast.ts';
import type { Done } from '../shared/ledger/order.ts';
import { type Planned, Planner, rounds } from '../shared/ledger/plan.ts';
import { brokenInvariants, Verdict } from '../shared/ledger/verdict.ts';
import { Observer } from './observer.ts';
import { promiseOf } from './promise.ts';

const PROCESSES = 4;
/** Each has new accounts, so that there is money to move. */
const CASTS = 5;
const POSTINGS = 120;
const INSUFFICIENT_PRIVILEGE = '42501';

/** What the check prints. */
export interface Report {
  seed: number;
  operations: number;
  outcomes: Record<string, number>;
  /** The promises that were broken, and the first findings about each. */
  broken: Record<string, string>;
}

const admin = new pg.Client({ connectionString: process.env['CHECK_ADMIN_URL'] });
await admin.connect();
await lowerLimits(admin);
let deadlocks = 0;
const workers = Array.from({ length: PROCESSES }, startWorker);
/** Findings of an earlier seed do not count again. */
const known = new Set<string>();
for (const seed of process.argv.slice(2).map(Number)) {
  const report = await runSeed(seed);
  process.stdout.write(`${JSON.stringify(report)}\n`);
}
await Promise.all(workers.map(stopWorker));
await admin.end();

async function runSeed(seed: number): Promise<Report> {
  const outcomes: Report['outcomes'] = {};
  const broken: string[] = [];
  let operations = 0;
  deadlocks = 0;
  const observer = await Observer.start(process.env['CHECK_ADMIN_URL'] as string, known);
  for (let cast = 0; cast < CASTS && broken.length === 0; cast++) {
    broken.push(
      ...(await runCast(seed * 1000 + cast, (done) => {
        operations += done.length;
        for (const { result } of done) outcomes[result.outcome] = (outcomes[result.outcome] ?? 0) + 1;
      })),
    );
    if (deadlocks > 0) broken.push(`deadlocks: ${deadlocks}`);
  }
  broken.push(...(await observer.stop()));
  broken.push(...(await balancesWithoutLegs()));
  for (const each of await brokenInvariants(admin)) {
    if (!known.has(each)) broken.push(each);
    known.add(each);
  }
  const named: Report['broken'] = {};
  for (const each of broken) named[promiseOf(each)] ??= each.slice(0, 300);
  return { seed, operations, outcomes, broken: named };
}

/** Tries an update that the ledger never makes, as its own role: the database must refuse it. */
async function balancesWithoutLegs(): Promise<string[]> {
  const money = new pg.Client({ connectionString: process.env['CHECK_MONEY_URL'] });
  await money.connect();
  try {
    await money.query('begin');
    await money.query(
      "update accounts set balance = balance + 1, version = version + 1 where account_status = 'ACTIVE'",
    );
    return ['set without legs: the balance of every active account'];
  } catch (error) {
    if ((error as pg.DatabaseError).code !== INSUFFICIENT_PRIVILEGE) throw error;
    return [];
  } finally {
    await money.end();
  }
}

async function runCast(seed: number, count: (done: Done[]) => void): Promise<string[]> {
  const { cast, model } = await openCast(admin);
  const verdict = new Verdict(cast, model);
  const planner = new Planner(cast);
  const [drawn = []] = fc.sample(rounds(2, POSTINGS), { seed, numRuns: 1 });
  for (const commands of drawn) {
    // A freeze would stop everything, and leave nothing to check.
    const steps = planner.plan(commands.filter(({ does }) => does !== 'freeze'));
    for (const step of steps) {
      if ('intervention' in step) verdict.broken.push(...(await intervene(admin, model, cast, step.intervention)));
    }
    const done = await postAll(steps.flatMap((step) => ('posting' in step ? [step.posting] : [])));
    count(done);
    verdict.judge(done);
    await verdict.compareAccounts(admin);
    if (verdict.broken.length > 0) return verdict.broken;
  }
  await verdict.compareTraces(admin);
  return verdict.broken;
}

/** Deals the postings out like cards, so that postings about the same operation often go to different processes. */
async function postAll(planned: readonly Planned[]): Promise<Done[]> {
  const done = workers.map(async (worker, dealt) => {
    worker.send(planned.filter((_each, index) => index % PROCESSES === dealt));
    const answer = await Promise.race([once(worker, 'message'), once(worker, 'exit')]);
    if (!Array.isArray(answer[0])) throw new Error('a worker has died');
    return answer[0] as Done[];
  });
  return (await Promise.all(done)).flat();
}

/** The ledger runs a batch again after a deadlock: only its log tells of it. */
function startWorker(): ChildProcess {
  const worker = fork(join(import.meta.dirname, 'worker.ts'), {
    serialization: 'advanced',
    env: {
      PATH: process.env['PATH'],
      DATABASE_URL: process.env['CHECK_MONEY_URL'],
      // Nothing listens there: every event stays in the outbox.
      K_SINK: 'http://127.0.0.1:9/',
      LOG_LEVEL: 'warn',
    },
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
  worker.stdout?.setEncoding('utf8').on('data', (text: string) => {
    deadlocks += text.split('40P01').length - 1;
  });
  return worker;
}

async function stopWorker(worker: ChildProcess): Promise<void> {
  const ended = once(worker, 'exit');
  worker.disconnect();
  await ended;
}
