// `make audit`: proves all of the books from the first leg, in one snapshot, and adds what else an operator should
// know. Exits with 1 when the books contradict themselves.
//   DATABASE_URL=<address of the reader role> make audit      without it: the platform that runs here

import process from 'node:process';
import { countOpenFindings, type MoneyFindingKind } from '../shared/findings.ts';
import { overdueHolds, overdueTopups } from '../shared/ledger/proof/overdue.ts';
import { type Proof, proveEverything } from '../shared/ledger/proof/trial-balance.ts';
import type { Query } from '../shared/platform/database/database.ts';
import { countOverdue } from '../shared/platform/events/outbox.ts';
import { proveInSnapshot } from './local/snapshot.ts';
import { textTable } from './local/table.ts';

/** The compiler refuses this file until every kind has its sentence. */
const CHECKS = {
  ledger_total: 'the balances of each currency sum to zero',
  ledger_balance: 'every balance is what its last leg left',
  ledger_numbering: 'every account is at its last leg',
  ledger_chain: 'every leg begins where the one before it ended',
  ledger_operation: 'the legs of every operation sum to zero',
  ledger_held: "every account's held is the sum of its PENDING debits, and of its open holds",
  ledger_pending: "every account's pending is the sum of its PENDING credits",
  ledger_incoming: "every account's incoming is what it was given in the month",
  ledger_hold: 'every hold says what its legs say',
  ledger_refund: 'the refunded amount of every payment is the sum of its refunds',
  ledger_orphan: 'every leg is of an account',
} satisfies Record<MoneyFindingKind, string>;

const OUTBOX_SECONDS = 120;
const MOST_COUNTED = 10_000;
const MOST_SHOWN = 50;

const say = (text = '') => process.stdout.write(`${text}\n`);

await proveInSnapshot('The books', async (query) => {
  const began = performance.now();
  const proof = await proveEverything(query);
  report(proof, performance.now() - began);
  await reportRest(query);
  return proof.broken.length > 0 ? 1 : 0;
});

function report({ accounts, legs, operations, broken }: Proof, took: number): void {
  say(`${accounts} accounts, ${legs} legs, ${operations} operations, one snapshot, ${(took / 1000).toFixed(1)} s.`);
  say();
  const rows = Object.entries(CHECKS).map(([kind, words]) => {
    const found = broken.filter((each) => each.kind === kind).length;
    return [words, found === 0 ? 'holds' : 'BROKEN', String(found)];
  });
  say(textTable([['check', 'verdict', 'violations'], ...rows]));
  say();
  for (const { kind, detail } of broken.slice(0, MOST_SHOWN)) say(`  ${kind}: ${detail}`);
  if (broken.length > MOST_SHOWN) say(`  ... and ${broken.length - MOST_SHOWN} more.`);
  say(broken.length === 0 ? 'The books are right.' : `The books contradict themselves: ${broken.length} violations.`);
  say();
}

async function reportRest(query: Query): Promise<void> {
  const open = Object.entries(await countOpenFindings(query)).filter(([, count]) => count > 0);
  const freezes = await query<{ scope: string; subject: string; frozen_at: Date }>({
    text: 'select scope, subject, frozen_at from freezes where thawed_at is null order by frozen_at',
  });
  const [walk] = await query<{ age: string | null }>({
    text: 'select round(extract(epoch from now() - completed_began_at))::text as age from trial_balance',
  });
  say(
    textTable([
      ['what else', 'count'],
      [
        'events that wait in the outbox for over two minutes',
        String(await countOverdue(query, OUTBOX_SECONDS, MOST_COUNTED)),
      ],
      ['top-ups that are PENDING for over a day', String((await overdueTopups(query)).length)],
      ['holds that should have expired', String((await overdueHolds(query)).length)],
      ['seconds since the last complete round of prove-books began', walk?.age ?? 'none yet'],
      ...(open.length === 0
        ? [['open findings', '0']]
        : open.map(([kind, count]) => [`open findings: ${kind}`, String(count)])),
      ...(freezes.length === 0
        ? [['freezes', '0']]
        : freezes.map(({ scope, subject, frozen_at: at }) => [
            `frozen since ${at.toISOString()}: ${scope} ${subject}`.trim(),
            '1',
          ])),
    ]),
  );
}
