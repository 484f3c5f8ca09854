// Nine faults that a ledger of this kind is prone to. Each is a small change of the code that the tests must catch:
// applied to a copy, it turns the check red with every seed. A text that is missing, or is there twice, stops the run:
// then the fault must be written for the new code.

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface Mutation {
  name: string;
  /** The promise that this fault breaks. */
  breaks: string;
  file: string;
  from: string;
  to: string;
}

const NOTHING_ELSE = 'newLegs: [], changedLegs: [], holds: [], refunds: new Map()';

export const mutations: readonly Mutation[] = [
  {
    name: 'no row lock',
    breaks: 'an account does not change between its reading and its writing',
    file: 'shared/ledger/posting/lock-and-read.ts',
    from: 'order by id for no key update`',
    to: 'order by id`',
  },
  {
    name: 'reading before the lock is had',
    breaks: 'a decision sees the balances that earlier holders of the lock left',
    file: 'shared/ledger/posting/lock-and-read.ts',
    from: 'from accounts where id = any($1::uuid[]) order by id for no key update`',
    to: 'from accounts join (select id from accounts where id = any($1::uuid[]) order by id for no key update) had using (id)`',
  },
  {
    name: 'no lock order',
    breaks: 'batches wait for each other in one direction only',
    file: 'shared/ledger/posting/lock-and-read.ts',
    from: 'order by id for no key update`',
    to: 'order by array_position($1::uuid[], id) for no key update`',
  },
  {
    name: 'key claimed outside the transaction',
    breaks: 'money has moved and its key is claimed, or neither',
    file: 'shared/ledger/posting/batch.ts',
    from: '  else await writeAndCommit(client, writes);',
    to: `  else {
    await writeAndCommit(client, writes.map((each) => ({ ...each, keys: [] })));
    await writeAndCommit(client, writes.map((each) => ({ ...each, ${NOTHING_ELSE}, events: [] })));
  }`,
  },
  {
    name: 'event written after commit',
    breaks: 'a movement of money has its event, whenever the process dies',
    file: 'shared/ledger/posting/batch.ts',
    from: '  else await writeAndCommit(client, writes);',
    to: `  else {
    await writeAndCommit(client, writes.map((each) => ({ ...each, events: [] })));
    await writeAndCommit(client, writes.map((each) => ({ ...each, ${NOTHING_ELSE}, keys: [] })));
  }`,
  },
  {
    name: 'refund without its cap',
    breaks: 'the refunds of a payment never exceed it',
    file: 'shared/ledger/rules/movements.ts',
    from: "  if (amount > left || left === 0n) return refused('refund_too_large', { value: payment.amount, left });\n",
    to: '',
  },
  {
    name: 'holds left out of the balance check',
    breaks: 'held money cannot be spent',
    file: 'shared/ledger/rules/movements.ts',
    from: '  return account.balance - account.held;',
    to: '  return account.balance;',
  },
  {
    name: 'one refused posting spoiling its batch',
    breaks: 'a posting that was answered with success is written, even when its neighbour is refused',
    file: 'shared/ledger/posting/batch.ts',
    from: '  if (writes.length === 0) await rollBack(client);',
    to: "  if (ended.some((end) => 'decision' in end && end.decision.legs.length === 0)) await rollBack(client);",
  },
  {
    name: 'a balance that needs no legs',
    breaks: 'a balance changes only with its legs',
    file: 'migrations/0024_balances_with_legs.sql',
    from: `create trigger figures_follow_legs before update of version, balance, held, pending, incoming, incoming_month on accounts
  for each statement when (pg_trigger_depth() = 0) execute function refuse_figures_without_legs();

-- The role that moves money has no use for the right either. The one to update updated_at stays: without any, it could
-- lock no row.
-- contract: nothing is deployed yet. The version before sets the figures itself and would be refused.
revoke update (balance, version, held, pending, incoming, incoming_month) on accounts from one_gate_money;
`,
    to: '',
  },
];

/** The text of the mutation's file with the fault in it. */
export function mutated(source: string, { name, file, from, to }: Mutation): string {
  const [before, after, ...more] = source.split(from);
  if (before === undefined || after === undefined || more.length > 0) {
    throw new Error(
      `"${name}" cannot be applied: ${file} has its text ${more.length > 0 ? 'more than once' : 'no longer'}.`,
    );
  }
  return before + to + after;
}

/** Changes the file in the tree that begins at `root`. */
export async function apply(mutation: Mutation, root: string): Promise<void> {
  const path = join(root, mutation.file);
  await writeFile(path, mutated(await readFile(path, 'utf8'), mutation));
}
