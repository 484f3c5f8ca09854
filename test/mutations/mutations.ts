// Nine faults that a ledger of this kind is prone to. Each is a small change of the code that the tests must not survive: applied to a
// copy, the check turns red with every seed. A text that is not there any more, or is there twice, stops the run: then the fault has to
// be said in the new words.

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface Mutation {
  name: string;
  /** What nobody may rely on any more with this fault. */
  breaks: string;
  file: string;
  from: string;
  to: string;
}

const NOTHING_ELSE = 'accounts: [], expected: [], newLegs: [], changedLegs: [], holds: [], refunds: []';

export const mutations: readonly Mutation[] = [
  {
    name: 'no row lock',
    breaks: 'nobody changes an account between its reading and its writing',
    file: 'shared/ledger/posting/lock-and-read.ts',
    from: 'order by id for no key update`',
    to: 'order by id`',
  },
  {
    name: 'reading before the lock is had',
    breaks: 'what is decided on is what was left by those who had the lock before',
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
    await writeAndCommit(client, { ...writes, keys: [] });
    await writeAndCommit(client, { ...writes, ${NOTHING_ELSE}, events: [] });
  }`,
  },
  {
    name: 'event written after commit',
    breaks: 'what has happened has its event, whenever the process dies',
    file: 'shared/ledger/posting/batch.ts',
    from: '  else await writeAndCommit(client, writes);',
    to: `  else {
    await writeAndCommit(client, { ...writes, events: [] });
    await writeAndCommit(client, { ...writes, ${NOTHING_ELSE}, keys: [] });
  }`,
  },
  {
    name: 'refund without its cap',
    breaks: 'nothing is given back that was not paid',
    file: 'shared/ledger/rules/movements.ts',
    from: "  if (amount > left || left === 0n) return refused('refund_too_large', { value: payment.amount, left });\n",
    to: '',
  },
  {
    name: 'holds left out of the balance check',
    breaks: 'what is held cannot be spent',
    file: 'shared/ledger/rules/movements.ts',
    from: '  return account.balance - account.held;',
    to: '  return account.balance;',
  },
  {
    name: 'one refused posting spoiling its batch',
    breaks: 'what was answered with success is there, whoever was refused beside it',
    file: 'shared/ledger/posting/batch.ts',
    from: '  if (writes.keys.length === 0) await rollBack(client);',
    to: "  if (ended.some((end) => 'decision' in end && end.decision.legs.length === 0)) await rollBack(client);",
  },
  {
    name: 'a balance that needs no legs',
    breaks: 'nobody changes a balance without the legs that say so',
    file: 'migrations/0024_balances_with_legs.sql',
    from: `create trigger changed_balances_have_legs after update on accounts
  referencing old table as old_accounts for each statement execute function check_balances();
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
