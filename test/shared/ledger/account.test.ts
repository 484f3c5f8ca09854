// An account in the past, compared with a replay: through the real ledger, and over months that the ledger has not seen
// yet.

import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import pg from 'pg';
import type { Posted } from '../../../shared/ledger/posting/ledger.ts';
import type { AccountState } from '../../../shared/ledger/reading/account.ts';
import { newOperationId } from '../../../shared/ledger/rules/ids.ts';
import type { Decided, Movement, Posting } from '../../../shared/ledger/rules/words.ts';
import { formatAmount, type Money, money } from '../../../shared/money.ts';
import { runShutdown } from '../../../shared/platform/shutdown.ts';
import { brokenPromises, openAccount } from '../../setup/accounts.ts';
import { createTestDatabase, type TestDatabase } from '../../setup/database.ts';
import { GOPAY_CLEARING, GOPAY_SUSPENSE } from '../../setup/gopay-accounts.ts';
import { makePastPartitions } from '../../setup/past-partitions.ts';

let database: TestDatabase;
let admin: pg.Client;
let post: (posting: Posting) => Promise<Posted>;
let readAccountAt: (id: string, moment: string) => Promise<AccountState | 'not_there_yet' | undefined>;

beforeAll(async () => {
  database = await createTestDatabase();
  admin = new pg.Client({ connectionString: database.adminUrl });
  await admin.connect();
  Object.assign(process.env, {
    DATABASE_URL: database.urls.money,
    K_SINK: 'http://127.0.0.1:9/',
    LOG_LEVEL: 'silent',
    PUBLIC_URL: 'http://one-gate.test',
  });
  ({ post } = await import('../../../shared/ledger/posting/ledger.ts'));
  ({ readAccountAt } = await import('../../../shared/ledger/reading/account.ts'));
});

afterAll(async () => {
  await runShutdown(() => undefined);
  await admin.end();
  await database.drop();
});

/** The state of an account after one decision. */
interface Stand {
  time: number;
  balance: string;
  available: string;
}

interface Run {
  /** By account, in the order of their versions. */
  stands: Map<string, Map<bigint, Stand>>;
  openTopups: { operationId: string; account: string; paid: Money }[];
  openHolds: { operationId: string; from: string; to: string }[];
}

/** Posts and records the state of each account, as the decision says it. */
async function record(run: Run, accountId: string, operationId: string, movement: Movement): Promise<boolean> {
  let last: Decided | undefined;
  const { decided } = await post({
    key: { accountId, key: newOperationId(), function: 'test', request: '{}' },
    operationId,
    movement,
    record: (decision) => {
      last = decision;
      return { data: {} };
    },
  });
  if (last?.outcome !== 'posted' || decided?.outcome !== 'posted') return false;
  for (const leg of last.legs) {
    const account = last.accounts.get(leg.accountId);
    if (!account) continue;
    const stands = run.stands.get(leg.accountId) ?? new Map<bigint, Stand>();
    run.stands.set(leg.accountId, stands);
    stands.set(account.version, {
      time: leg.updatedAt.getTime(),
      balance: formatAmount(account.balance),
      available: formatAmount(account.balance - account.held),
    });
  }
  return true;
}

const step = fc.record({
  kind: fc.constantFrom('transfer', 'transfer', 'open', 'settle', 'fail', 'hold', 'capture', 'release'),
  from: fc.nat(2),
  to: fc.nat(2),
  amount: fc.integer({ min: 1, max: 5_000 }),
});
type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never;

async function take(run: Run, people: string[], { kind, from, to, amount: units }: Step): Promise<void> {
  const [payer = '', payee = ''] = [people[from], people[to]];
  const amount = money(BigInt(units));
  const particulars = { amount, currency: 'IDR' } as const;
  const operationId = newOperationId();
  if (kind === 'transfer') {
    await record(run, payer, operationId, {
      name: 'transfer',
      type: 'TRANSFER',
      from: payer,
      to: payee,
      ...particulars,
    });
  } else if (kind === 'open') {
    const opened = { name: 'open', type: 'TOPUP', to: payer, paymentMethod: 'GOPAY', ...particulars } as const;
    if (await record(run, payer, operationId, opened))
      run.openTopups.push({ operationId, account: payer, paid: amount });
  } else if (kind === 'hold') {
    const parties = { from: payer, to: payee };
    const held = { name: 'hold', type: 'PAYMENT', ...parties, ...particulars, expiresInSeconds: 600 } as const;
    if (await record(run, payer, operationId, held)) run.openHolds.push({ operationId, ...parties });
  } else if (kind === 'settle' || kind === 'fail') {
    const topup = run.openTopups.shift();
    if (!topup) return;
    await record(run, topup.account, operationId, {
      name: 'settle',
      ...topup,
      status: kind === 'settle' ? 'SUCCESS' : 'FAILED',
      clearing: GOPAY_CLEARING,
      suspense: GOPAY_SUSPENSE,
    });
  } else {
    const hold = run.openHolds.shift();
    if (!hold) return;
    const ending = kind === 'capture' ? ({ name: 'capture', amount: undefined } as const) : undefined;
    await record(run, hold.to, operationId, { ...(ending ?? { name: 'release', why: 'voided' }), ...hold });
  }
}

test('after any history, every moment of it has its state', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(step, { minLength: 1, maxLength: 6 }), { maxLength: 12 }), async (rounds) => {
      const people: string[] = [];
      for (const balance of ['100.00', '50.00', '0.00']) people.push((await openAccount(admin, { balance })).accountId);
      const run: Run = { stands: new Map(), openTopups: [], openHolds: [] };
      // The steps of a round meet in one batch or in several, in any order: their times are often equal.
      for (const round of rounds) await Promise.all(round.map((each) => take(run, people, each)));
      for (const id of people) await compare(id, [...(run.stands.get(id) ?? [])]);
    }),
    { numRuns: 25 },
  );
  expect(await brokenPromises(admin)).toEqual([]);
}, 120_000);

async function compare(id: string, recorded: [bigint, Stand][]): Promise<void> {
  const stands = recorded.sort(([one], [other]) => (one < other ? -1 : 1)).map(([, stand]) => stand);
  for (let at = 1; at < stands.length; at += 1) {
    expect(stands[at]?.time).toBeGreaterThanOrEqual(stands[at - 1]?.time ?? 0);
  }
  const moments = new Set(stands.flatMap(({ time }) => [time, time + 1]));
  for (const moment of moments) {
    const expected = stands.findLast(({ time }) => time <= moment);
    const told = await readAccountAt(id, new Date(moment).toISOString());
    expect(told).toMatchObject({ balance: expected?.balance, available: expected?.available });
  }
}

const MONTHS = 9;
const DAY = 86_400_000;

/** Legs of one account: when they were made, and how many days later they got their last number. Times rise with numbers. */
const legs = fc.array(
  fc.record({
    afterDays: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 3 }), fc.integer({ min: 20, max: 70 })),
    pendingDays: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.integer({ min: 1, max: 100 })),
    gap: fc.oneof({ weight: 3, arbitrary: fc.constant(1) }, fc.integer({ min: 2, max: 9 })),
    clock: fc.integer({ min: -20, max: 20 }),
  }),
  { maxLength: 40 },
);

test('over many months, with gaps and late settlements, the found leg is the one that a full read finds', async () => {
  await makePastPartitions(admin, MONTHS + 4);
  await admin.query('set session_replication_role = replica');
  const { accountId } = await openAccount(admin);
  const opened = Date.now() - MONTHS * 30 * DAY;
  await admin.query('update accounts set created_at = $2 where id = $1', [accountId, new Date(opened - 100 * DAY)]);
  await fc.assert(
    fc.asyncProperty(legs, fc.array(fc.integer({ min: -3, max: MONTHS * 30 })), async (steps, days) => {
      await admin.query('delete from historical_transactions where account_id = $1', [accountId]);
      let [time, number] = [opened, 0];
      const moments = days.map((day) => opened + day * DAY);
      for (const { afterDays, pendingDays, gap, clock } of steps) {
        time = Math.min(time + afterDays * DAY, Date.now() - 30 * DAY);
        number += gap;
        moments.push(time - 1, time, time + 1);
        // The id keeps the time it was made, by a clock that may be some hours off.
        const made = time - pendingDays * DAY + clock * 3_600_000;
        await admin.query(
          `insert into historical_transactions (id, operation_id, account_id, leg_number, transaction_type, transaction_status, direction,
                  amount, balance_before, balance_after, created_at, updated_at)
           select id, (left(id::text, 35) || '0')::uuid, $1, $2::bigint, 'TOPUP', 'PENDING', 'CREDIT', 1, $2::bigint, $2::bigint, $3, $3
             from (select (left(uuidv7($4::timestamptz - clock_timestamp())::text, 35) || '2')::uuid as id) made`,
          [accountId, number, new Date(time), new Date(made)],
        );
      }
      await admin.query('update accounts set version = $2 where id = $1', [accountId, number]);
      for (const moment of new Set(moments)) {
        const found = await admin.query(
          'select leg_number from leg_at($1, (select created_at from accounts where id = $1), $2)',
          [accountId, new Date(moment)],
        );
        const read = await admin.query(
          'select leg_number from historical_transactions where account_id = $1 and updated_at <= $2 order by leg_number desc limit 1',
          [accountId, new Date(moment)],
        );
        expect({ moment, rows: found.rows }).toEqual({ moment, rows: read.rows });
      }
    }),
    { numRuns: 40 },
  );
}, 120_000);
