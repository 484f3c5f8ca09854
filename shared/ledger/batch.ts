// One batch against the database: lock, read, decide, write, commit. Two round trips, however many postings it has.

import type pg from 'pg';
import type { OutboxEvent } from '../events/event.ts';
import { formatAmount, parseAmount } from '../money.ts';
import { accountIds, type Decision, decide, isKept, keyName, type State } from './decide.ts';
import { CREDIT_PLACE, legId } from './ids.ts';
import { LEG_COLUMNS, type LegRow, legOf } from './leg-row.ts';
import type { Account, Leg, Posting, Response, SeenKey } from './posting.ts';

/** How one posting of a committed batch ended: decided now, or the kept answer of its first time. */
export type Ended =
  | { decision: Exclude<Decision, { repeats: SeenKey } | { repeatsPosting: number }>; response: Response }
  | { repeats: SeenKey };

/** `rolled_back`: the database refused, nothing was written. `faulty`: our own code threw. `unknown`: the answer to COMMIT was lost. */
type FailureKind = 'rolled_back' | 'faulty' | 'unknown';

export class BatchFailure extends Error {
  readonly kind: FailureKind;

  constructor(kind: FailureKind, cause: unknown) {
    super(`the batch ended ${kind}`, { cause });
    this.kind = kind;
  }
}

const LOCK = {
  name: 'ledger-lock',
  // In the order of their ids, whoever asks: two batches can wait for each other in one direction only. NO KEY, so that the foreign
  // keys of other inserts never wait for us.
  text: `
    select account.id, account.user_id, person.username, account.kind, account.account_status, account.currency,
           account.balance, account.version, now() as now
      from accounts account left join users person on person.id = account.user_id
     where account.id = any($1::uuid[])
     order by account.id
       for no key update of account`,
};

const LOCK_FREE = {
  name: 'ledger-lock-free',
  text: 'select id from accounts where id = any($1::uuid[]) order by id for no key update skip locked',
};

const READ_KEYS = {
  name: 'ledger-read-keys',
  text: `
    select kept.account_id, kept.key, kept.function, kept.request, kept.operation_id, kept.status, kept.answer
      from json_to_recordset($1) as asked (account_id uuid, key text)
      join idempotency_keys kept on kept.account_id = asked.account_id and kept.key = asked.key`,
};

const READ_OPEN = {
  name: 'ledger-read-open',
  text: `select ${LEG_COLUMNS} from historical_transactions where id = any($1::uuid[])`,
};

const WRITE = {
  name: 'ledger-write',
  text: `
    with changed_accounts as (
      update accounts account set balance = new.balance, version = new.version, updated_at = now()
        from json_to_recordset($1) as new (id uuid, balance numeric, version bigint, expected bigint)
       where account.id = new.id and account.version = new.expected
    ), changed_legs as (
      update historical_transactions leg
         set leg_number = new.leg_number, transaction_status = new.status, balance_before = new.balance_before,
             balance_after = new.balance_after, counterparty_id = new.counterparty_id,
             external_reference = new.external_reference, position = pg_current_xact_id(), updated_at = now()
        from json_to_recordset($2) as new (id uuid, leg_number bigint, status transaction_status_enum, balance_before numeric,
             balance_after numeric, counterparty_id uuid, external_reference varchar)
       where leg.id = new.id
    ), new_legs as (
      insert into historical_transactions (id, user_id, account_id, operation_id, leg_number, transaction_type, transaction_status,
             direction, amount, balance_before, balance_after, currency, counterparty_id, description, external_reference,
             payment_method, metadata)
      select id, user_id, account_id, operation_id, leg_number, type, status, direction, amount, balance_before, balance_after,
             currency, counterparty_id, description, external_reference, payment_method, metadata
        from json_to_recordset($3) as new (id uuid, user_id bigint, account_id uuid, operation_id uuid, leg_number bigint,
             type transaction_type_enum, status transaction_status_enum, direction direction_enum, amount numeric,
             balance_before numeric, balance_after numeric, currency varchar, counterparty_id uuid, description text,
             external_reference varchar, payment_method payment_method_enum, metadata text)
    ), new_keys as (
      insert into idempotency_keys (account_id, key, function, request, operation_id, status, answer)
      select account_id, key, function, request, operation_id, status, answer
        from json_to_recordset($4) as new (account_id uuid, key varchar, function varchar, request text, operation_id uuid,
             status smallint, answer text)
    )
    insert into outbox (id, topic, type, source, subject, partition_key, sequence, data, traceparent)
    select id, topic, type, source, subject, "partitionKey", sequence, data, traceparent
      from json_to_recordset($5) as new (id uuid, topic varchar, type varchar, source varchar, subject varchar,
           "partitionKey" varchar, sequence bigint, data text, traceparent varchar)`,
};

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
    ended = respond(postings, decisions);
    writes = collectWrites(postings, ended, state, accounts);
  } catch (error) {
    await rollBack(client);
    throw new BatchFailure('faulty', error);
  }
  if (writes.isEmpty) {
    await rollBack(client);
    return ended;
  }
  await writeAndCommit(client, writes);
  return ended;
}

/** Those of the accounts that somebody else holds the lock of. */
export async function busyAccounts(client: pg.Client, postings: readonly Posting[]): Promise<Set<string>> {
  const wanted = accountsOf(postings);
  const [, free] = await together([
    client.query('begin'),
    client.query<{ id: string }>({ ...LOCK_FREE, values: [uuidArray(wanted)] }),
    client.query('rollback'),
  ]);
  const busy = new Set(wanted);
  for (const { id } of free.rows) busy.delete(id);
  return busy;
}

// The statements are sent together, but each takes a snapshot of its own: what the reads see is what was committed before the locks
// were had. One merged statement would still see the time before it waited.
async function lockAndRead(client: pg.Client, postings: readonly Posting[]): Promise<State> {
  const keys = postings.map(({ key }) => ({ account_id: key.accountId, key: key.key }));
  const open = postings.flatMap(({ movement }) =>
    movement.name === 'settle' ? [legId(movement.operationId, CREDIT_PLACE)] : [],
  );
  const [, lockedRows, keyRows, openRows] = await together([
    client.query('begin'),
    client.query<AccountRow>({ ...LOCK, values: [uuidArray(accountsOf(postings))] }),
    client.query<KeyRow>({ ...READ_KEYS, values: [JSON.stringify(keys)] }),
    open.length > 0 ? client.query<LegRow>({ ...READ_OPEN, values: [uuidArray(open)] }) : undefined,
  ]);
  return {
    accounts: new Map(lockedRows.rows.map((row) => [row.id, accountOf(row)])),
    keys: new Map(keyRows.rows.map((row) => [keyName({ ...row, accountId: row.account_id }), seenKeyOf(row)])),
    open: new Map(openRows?.rows.map((row) => [row.operation_id, legOf(row)])),
    now: lockedRows.rows[0]?.now ?? new Date(),
  };
}

function accountsOf(postings: readonly Posting[]): Set<string> {
  return new Set(postings.flatMap(({ key, movement }) => [key.accountId, ...accountIds(movement)]));
}

/** Waits for all of them and fails with the first error: a pipelined statement must not reject unheard. */
async function together<Results extends unknown[]>(
  queries: { [K in keyof Results]: Results[K] | Promise<Results[K]> },
): Promise<Results> {
  const settled = await Promise.allSettled(queries);
  for (const result of settled) if (result.status === 'rejected') throw result.reason;
  return settled.map((result) => (result as PromiseFulfilledResult<unknown>).value) as Results;
}

function respond(postings: readonly Posting[], decisions: readonly Decision[]): Ended[] {
  const ended: Ended[] = [];
  for (const [index, decision] of decisions.entries()) {
    const posting = postings[index] as Posting;
    if ('repeats' in decision) ended.push(decision);
    else if ('repeatsPosting' in decision) {
      const first = ended[decision.repeatsPosting] as Extract<Ended, { response: Response }>;
      const { operationId, key } = postings[decision.repeatsPosting] as Posting;
      ended.push({ repeats: { ...key, operationId, answer: first.response.answer } });
    } else ended.push({ decision, response: posting.respond(decision) });
  }
  return ended;
}

interface Writes {
  isEmpty: boolean;
  accounts: unknown[];
  changedLegs: unknown[];
  newLegs: unknown[];
  keys: unknown[];
  events: OutboxEvent[];
}

function collectWrites(
  postings: readonly Posting[],
  ended: readonly Ended[],
  state: State,
  accounts: ReadonlyMap<string, Account>,
): Writes {
  const legs = new Map<string, Leg>();
  const keys: unknown[] = [];
  const events: OutboxEvent[] = [];
  for (const [index, end] of ended.entries()) {
    if ('repeats' in end || !isKept(end.decision.outcome)) continue;
    const { key, operationId } = postings[index] as Posting;
    for (const leg of end.decision.legs) legs.set(leg.id, leg);
    events.push(...(end.response.events ?? []));
    const { answer } = end.response;
    keys.push({
      account_id: key.accountId,
      key: key.key,
      function: key.function,
      request: key.request,
      operation_id: operationId,
      status: answer?.status ?? null,
      answer: answer?.body ?? null,
    });
  }
  const before = new Set([...state.open.values()].map(({ id }) => id));
  const all = [...legs.values()];
  return {
    isEmpty: keys.length === 0,
    accounts: [...accounts.values()].map((account) => ({
      id: account.id,
      balance: formatAmount(account.balance),
      version: account.version.toString(),
      expected: state.accounts.get(account.id)?.version.toString(),
    })),
    changedLegs: all.filter(({ id }) => before.has(id)).map(rowOf),
    newLegs: all.filter(({ id }) => !before.has(id)).map(rowOf),
    keys,
    events,
  };
}

async function writeAndCommit(client: pg.Client, writes: Writes): Promise<void> {
  const values = [writes.accounts, writes.changedLegs, writes.newLegs, writes.keys, writes.events].map((rows) =>
    JSON.stringify(rows),
  );
  const [written, committed] = await Promise.allSettled([client.query({ ...WRITE, values }), client.query('commit')]);
  // The server rolls back on COMMIT when the write has failed, and says so.
  if (committed.status === 'fulfilled' && committed.value.command === 'COMMIT' && written.status === 'fulfilled')
    return;
  if (committed.status === 'fulfilled')
    throw new BatchFailure('rolled_back', written.status === 'rejected' ? written.reason : undefined);
  throw new BatchFailure('unknown', committed.reason);
}

/** Best effort: a connection that cannot even roll back is given up by the caller, and the server rolls back for it. */
async function rollBack(client: pg.Client): Promise<void> {
  await client.query('rollback').catch(() => undefined);
}

function uuidArray(ids: Iterable<string>): string {
  return `{${[...ids].join(',')}}`;
}

interface AccountRow {
  id: string;
  user_id: string | null;
  username: string | null;
  kind: Account['kind'];
  account_status: Account['status'];
  currency: string;
  balance: string;
  version: string;
  now: Date;
}

function accountOf(row: AccountRow): Account {
  return {
    id: row.id,
    userId: row.user_id,
    username: row.username,
    kind: row.kind,
    status: row.account_status,
    currency: row.currency,
    balance: parseAmount(row.balance),
    version: BigInt(row.version),
  };
}

interface KeyRow {
  account_id: string;
  key: string;
  function: string;
  request: string;
  operation_id: string;
  status: number | null;
  answer: string | null;
}

function seenKeyOf(row: KeyRow): SeenKey {
  return {
    function: row.function,
    request: row.request,
    operationId: row.operation_id,
    answer: row.status !== null && row.answer !== null ? { status: row.status, body: row.answer } : null,
  };
}

function rowOf(leg: Leg) {
  return {
    id: leg.id,
    user_id: leg.userId,
    account_id: leg.accountId,
    operation_id: leg.operationId,
    leg_number: leg.legNumber.toString(),
    type: leg.type,
    status: leg.status,
    direction: leg.direction,
    amount: formatAmount(leg.amount),
    balance_before: formatAmount(leg.balanceBefore),
    balance_after: formatAmount(leg.balanceAfter),
    currency: leg.currency,
    counterparty_id: leg.counterpartyId,
    description: leg.description,
    external_reference: leg.externalReference,
    payment_method: leg.paymentMethod,
    metadata: leg.metadata,
  };
}
