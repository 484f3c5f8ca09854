// Compares the database with the clients' answers, the provider's books, and the topics. Every disagreement is a
// sentence, with the story of its operation when it has one.

import type pg from 'pg';
import { KEY_COLUMNS, type KeyRow, seenKeyOf } from '../../shared/ledger/posting/key-row.ts';
import type { Result } from '../../shared/ledger/rules/words.ts';
import { formatAmount, parseAmount } from '../../shared/money.ts';
import { answerOf, type WalletData } from '../../shared/wallet/answer.ts';
import { brokenPromises } from '../setup/accounts.ts';
import { type Client, expectedAccounts, type Operation, storyOf } from './books.ts';
import type { SeenEvent } from './courier.ts';

export interface LegRow {
  operation_id: string;
  account_id: string;
  transaction_type: string;
  transaction_status: string;
  direction: string;
  amount: string;
  refund_of: string | null;
}

export interface Evidence {
  client: pg.Client;
  clients: readonly Client[];
  operations: readonly Operation[];
  /** Operations from before the first client. */
  before: ReadonlySet<string>;
  /** The amounts that the provider was really paid, in minor units, by the transaction_id of the top-up. */
  paid: ReadonlyMap<string, bigint>;
  events: readonly SeenEvent[];
}

export async function judge(evidence: Evidence): Promise<string[]> {
  const { client, operations } = evidence;
  const { rows: legs } = await client.query<LegRow>(
    `select operation_id, account_id, transaction_type, transaction_status, direction, amount, refund_of from historical_transactions`,
  );
  const byOperation = Map.groupBy(
    legs.filter(({ operation_id }) => !evidence.before.has(operation_id)),
    ({ operation_id }) => operation_id,
  );
  const keys = await readKeys(client);
  return [
    ...(await invariants(client)),
    ...operations.flatMap((operation) => about(operation, againstDatabase(operation, byOperation, keys, operations))),
    ...unheardOf(operations, byOperation),
    ...topups(evidence, byOperation),
    ...(await balances(evidence, byOperation)),
    ...topicsAgainst(evidence, byOperation),
  ];
}

const about = (operation: Operation, complaints: string[]) =>
  complaints.map((what) => `${what}\n  ${storyOf(operation)}`);

const QUESTIONS: Readonly<Record<string, string>> = {
  'held is not the sum of the PENDING debits': `
    select account.id::text as subject from accounts account left join historical_transactions leg
        on leg.account_id = account.id and leg.transaction_status = 'PENDING' and leg.direction = 'DEBIT'
     group by account.id having account.held <> coalesce(sum(leg.amount), 0)`,
  'pending is not the sum of the PENDING credits': `
    select account.id::text as subject from accounts account left join historical_transactions leg
        on leg.account_id = account.id and leg.transaction_status = 'PENDING' and leg.direction = 'CREDIT'
     group by account.id having account.pending <> coalesce(sum(leg.amount), 0)`,
  'less than nothing is available':
    "select id::text as subject from accounts where kind <> 'SYSTEM' and balance - held < 0",
  'more was refunded than was paid':
    'select operation_id::text as subject from refunded_payments where refunded > paid',
  'refunded is not the sum of the refunds': `
    select payment.operation_id::text as subject from refunded_payments payment join historical_transactions leg
        on leg.refund_of = payment.operation_id and leg.direction = 'DEBIT' and leg.transaction_status = 'SUCCESS'
     group by payment.operation_id, payment.refunded having payment.refunded <> sum(leg.amount)`,
  'an open hold is not PENDING, or an ended one is': `
    select held.operation_id::text as subject from holds held join historical_transactions leg using (operation_id)
     where (held.ended_at is null) <> (leg.transaction_status = 'PENDING')`,
  'an event is still in the outbox': 'select id::text as subject from outbox',
  'something was found':
    "select kind || ' ' || subject || ': ' || detail as subject from findings where resolved_at is null",
};

async function invariants(client: pg.Client): Promise<string[]> {
  const broken = (await brokenPromises(client)) as { promise: string; detail: string }[];
  const found = broken.map(({ promise, detail }) => `${promise}: ${detail}`);
  for (const [what, question] of Object.entries(QUESTIONS)) {
    const { rows } = await client.query<{ subject: string }>(question);
    found.push(...rows.slice(0, 5).map(({ subject }) => `${what}: ${subject}`));
  }
  return found;
}

interface KeptKey {
  function: string;
  operationId: string;
  /** Of its answer; null while there is none. */
  status: number | null;
}

async function readKeys(client: pg.Client): Promise<Map<string, KeptKey>> {
  const { rows } = await client.query<KeyRow>(
    `select ${KEY_COLUMNS} from idempotency_keys
      where account_id in (select id from accounts where user_id is not null)`,
  );
  return new Map(
    rows.map((row) => {
      const { result } = seenKeyOf(row);
      const status = result && answerOf(result as Result<WalletData>).status;
      return [`${row.account_id}/${row.key}`, { function: row.function, operationId: row.operation_id, status }];
    }),
  );
}

/**
 * An operation that was answered with success exists, once, as the answer says; one that was answered "failed" does
 * not.
 */
function againstDatabase(
  operation: Operation,
  legs: ReadonlyMap<string, LegRow[]>,
  keys: ReadonlyMap<string, KeptKey>,
  operations: readonly Operation[],
): string[] {
  const { kind, client, key, end, status, transaction } = operation;
  const kept = keys.get(`${client.accountId}/${key}`);
  if (end === 'given_up') {
    return kept && (kept.status === null || kept.status < 400)
      ? ['It was told that nothing had happened, and it has.']
      : [];
  }
  if (end === 'refused') {
    return kept && kept.status !== status ? [`It was refused with ${status}, and ${kept.status} is kept.`] : [];
  }
  if (!end || !transaction) return [];
  if (!kept) return ['It was told to have succeeded, and its key is not there.'];
  const complaints: string[] = [];
  if (kept.status !== status || kept.function !== kind)
    complaints.push(`It was told ${status} by ${kind}, and ${kept.status} by ${kept.function} is kept.`);
  if (kind !== 'cancel' && kept.operationId !== transaction.operation_id)
    complaints.push(`It was told ${transaction.operation_id}, and ${kept.operationId} is kept.`);
  const found = legs.get(transaction.operation_id) ?? [];
  if (kind === 'topup' || kind === 'cancel') return complaints;
  if (found.length !== 2) return [...complaints, `Its operation has ${found.length} legs.`];
  const { statuses, amount } = endOf(operation, operations);
  for (const leg of found) {
    if (!statuses.includes(leg.transaction_status) || leg.amount !== amount)
      complaints.push(`A leg is ${leg.transaction_status} ${leg.amount}, expected ${statuses.join(' or ')} ${amount}.`);
    if (leg.transaction_type !== transaction.type) complaints.push(`A leg is a ${leg.transaction_type}.`);
    const isParty = [client.accountId, operation.other?.accountId].includes(leg.account_id);
    if (!isParty) complaints.push(`A leg belongs to a stranger, ${leg.account_id}.`);
    if (kind === 'refund' && leg.refund_of !== operation.about?.operation_id)
      complaints.push('It refunds another payment.');
  }
  if (operation.body['amount'] && parseAmount(String(operation.body['amount'])) !== parseAmount(transaction.amount))
    complaints.push(`It was asked for ${operation.body['amount']} and told ${transaction.amount}.`);
  return complaints;
}

/** The end of a hold follows from its payee's answers. */
function endOf(operation: Operation, operations: readonly Operation[]): { statuses: string[]; amount: string } {
  const told = operation.transaction;
  const amount = told?.amount ?? '';
  if (operation.kind === 'void') return { statuses: ['CANCELLED'], amount };
  if (operation.kind !== 'hold') return { statuses: ['SUCCESS'], amount };
  const ends = endsOf(operations).get(told?.operation_id ?? '') ?? [];
  const [ending] = ends;
  if (!ending) return { statuses: ['PENDING'], amount };
  return endOf(ending, operations);
}

let indexed: { of: readonly Operation[]; ends: Map<string, Operation[]> } | undefined;

/** Captures and voids that have succeeded, by the hold. */
function endsOf(operations: readonly Operation[]): Map<string, Operation[]> {
  if (indexed?.of !== operations) {
    const ended = operations.filter(({ kind, end }) => (kind === 'capture' || kind === 'void') && end === 'succeeded');
    indexed = { of: operations, ends: Map.groupBy(ended, ({ transaction }) => transaction?.operation_id ?? '') };
  }
  return indexed.ends;
}

/** No operation exists without a client's answer, and none was told twice. */
function unheardOf(operations: readonly Operation[], legs: ReadonlyMap<string, LegRow[]>): string[] {
  const complaints: string[] = [];
  const told = new Map<string, Operation>();
  for (const operation of operations) {
    const id = operation.transaction?.operation_id;
    if (!id || operation.end === 'refused') continue;
    if (operation.kind === 'capture' || operation.kind === 'void' || operation.kind === 'cancel') continue;
    const first = told.get(id);
    if (first) complaints.push(...about(operation, [`The same operation was told to #${first.number}.`]));
    told.set(id, operation);
  }
  for (const ends of endsOf(operations).values()) {
    if (ends.length > 1) complaints.push(`A hold was ended ${ends.length} times:\n  ${ends.map(storyOf).join('\n  ')}`);
  }
  for (const [id, [leg]] of legs) {
    if (told.has(id)) continue;
    // A top-up that the provider refused existed, and has failed.
    if (leg?.transaction_type === 'TOPUP' && ['FAILED', 'CANCELLED'].includes(leg.transaction_status)) continue;
    complaints.push(
      `No client was told of ${leg?.transaction_type} ${leg?.transaction_status} ${id} of ${leg?.amount}.`,
    );
  }
  return complaints;
}

/** The provider's word is final: the amount paid to it is in the wallet, once; nothing else is. */
function topups({ operations, paid }: Evidence, legs: ReadonlyMap<string, LegRow[]>): string[] {
  return operations.flatMap((operation) => {
    const { kind, transaction } = operation;
    if (kind !== 'topup' || !transaction) return [];
    const found = legs.get(transaction.operation_id) ?? [];
    const credit = found.filter(({ account_id }) => account_id === operation.client.accountId);
    if (credit.length !== 1) return about(operation, [`The top-up has ${credit.length} legs in the wallet.`]);
    const amount = paid.get(transaction.transaction_id);
    const isThere = credit[0]?.transaction_status === 'SUCCESS';
    if (isThere !== (amount !== undefined)) {
      const told = amount === undefined ? 'was not paid' : `was paid ${formatAmount(amount)}`;
      return about(operation, [`The provider ${told}, and the top-up is ${credit[0]?.transaction_status}.`]);
    }
    return [];
  });
}

async function balances(
  { client, clients, operations }: Evidence,
  legs: ReadonlyMap<string, LegRow[]>,
): Promise<string[]> {
  const ends = new Map<string, { status: string; amount: bigint }>();
  for (const [id, found] of legs) {
    const credit = found.find(
      ({ direction, transaction_type }) => direction === 'CREDIT' && transaction_type === 'TOPUP',
    );
    if (credit) ends.set(id, { status: credit.transaction_status, amount: parseAmount(credit.amount) });
  }
  const { rows } = await client.query<{ id: string; balance: string; held: string; pending: string }>(
    'select id, balance, held, pending from accounts',
  );
  const there = new Map(rows.map((row) => [row.id, row]));
  const complaints: string[] = [];
  for (const [whose, expected] of expectedAccounts(clients, operations, ends)) {
    const row = there.get(whose.accountId);
    for (const what of ['balance', 'held', 'pending'] as const) {
      const wanted = formatAmount(expected[what]);
      if (row?.[what] === wanted) continue;
      complaints.push(
        `The ${what} of ${whose.username} is ${row?.[what]}; by the answers that clients got it is ${wanted}.`,
      );
    }
  }
  return complaints;
}

const EVENT_OF = {
  pay: 'one-gate.payment.succeeded',
  capture: 'one-gate.payment.succeeded',
  transfer: 'one-gate.transfer.succeeded',
  refund: 'one-gate.refund.succeeded',
  hold: 'one-gate.payment.held',
  void: 'one-gate.payment.voided',
} as const;

const TOPUP_EVENTS = ['requested', 'notified', 'succeeded', 'failed', 'cancelled'].map(
  (verb) => `one-gate.topup.${verb}`,
);

/** Every event of every committed operation, at least once; and no event of any other. */
function topicsAgainst({ operations, events }: Evidence, legs: ReadonlyMap<string, LegRow[]>): string[] {
  const seen = new Set(events.map(({ type, subject }) => `${type} ${subject}`));
  const allowed = new Set<string>();
  const complaints: string[] = [];
  const expect = (type: string, subject: string, operation?: Operation) => {
    const name = `${type} ${subject}`;
    allowed.add(name);
    if (seen.has(name)) return;
    complaints.push(...(operation ? about(operation, [`No topic has ${name}.`]) : [`No topic has ${name}.`]));
  };
  for (const operation of operations) {
    const { kind, end, transaction } = operation;
    if (end !== 'succeeded' || !transaction || kind === 'topup' || kind === 'cancel') continue;
    expect(EVENT_OF[kind], transaction.operation_id, operation);
  }
  const ends: Record<string, string> = { SUCCESS: 'succeeded', FAILED: 'failed', CANCELLED: 'cancelled' };
  for (const [id, [leg]] of legs) {
    if (leg?.transaction_type !== 'TOPUP') continue;
    expect('one-gate.topup.requested', id);
    const verb = ends[leg.transaction_status];
    if (verb) expect(`one-gate.topup.${verb}`, id);
    allowed.add(`one-gate.topup.notified ${id}`);
  }
  const ours = new Set<string>([...Object.values(EVENT_OF), ...TOPUP_EVENTS]);
  for (const name of seen) {
    if (ours.has(name.split(' ')[0] ?? '') && !allowed.has(name))
      complaints.push(`A topic tells of what never happened: ${name}.`);
  }
  return complaints;
}
