// One batch against the database: lock, read, decide, write, commit. Two round trips, however many postings it has.

import type pg from 'pg';
import { plainArray, textArray } from '../database/arrays.ts';
import type { OutboxEvent } from '../events/event.ts';
import type { KeptAnswer } from '../http/function.ts';
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
    select id, user_id, kind, account_status, currency, balance, version, now() as now
      from accounts where id = any($1::uuid[]) order by id for no key update`,
};

const LOCK_FREE = {
  name: 'ledger-lock-free',
  text: 'select id from accounts where id = any($1::uuid[]) order by id for no key update skip locked',
};

const READ_KEYS = {
  name: 'ledger-read-keys',
  text: `
    select kept.account_id, kept.key, kept.function, kept.request, kept.operation_id, kept.status, kept.answer
      from unnest($1::uuid[], $2::text[]) as asked (account_id, key)
      join idempotency_keys kept on kept.account_id = asked.account_id and kept.key = asked.key`,
};

const READ_OPEN = {
  name: 'ledger-read-open',
  text: `select ${LEG_COLUMNS} from historical_transactions where id = any($1::uuid[])`,
};

const WRITE_NEW = `
    with changed_accounts as (
      update accounts account set balance = new.balance, version = new.version, updated_at = now()
        from unnest($1::uuid[], $2::numeric[], $3::bigint[], $4::bigint[]) as new (id, balance, version, expected)
       where account.id = new.id and account.version = new.expected
    ), new_legs as (
      insert into historical_transactions (
             id, operation_id, account_id, user_id, leg_number, transaction_type, transaction_status, direction, amount,
             balance_before, balance_after, currency, counterparty_id, payment_method, description, external_reference, metadata)
      select * from unnest(
             $5::uuid[], $6::uuid[], $7::uuid[], $8::bigint[], $9::bigint[], $10::transaction_type_enum[],
             $11::transaction_status_enum[], $12::direction_enum[], $13::numeric[],
             $14::numeric[], $15::numeric[], $16::text[], $17::uuid[], $18::payment_method_enum[], $19::text[], $20::text[], $21::text[])
    ), new_keys as (
      insert into idempotency_keys (account_id, key, function, request, operation_id, status, answer)
      select * from unnest($22::uuid[], $23::text[], $24::text[], $25::text[], $26::uuid[], $27::smallint[], $28::text[])
    ), new_events as (
      insert into outbox (id, topic, type, source, subject, partition_key, sequence, data, traceparent)
      select * from unnest($29::uuid[], $30::text[], $31::text[], $32::text[], $33::text[], $34::text[], $35::bigint[], $36::text[], $37::text[])
    )`;

const WRITE = { name: 'ledger-write', text: `${WRITE_NEW} select` };

// A statement of its own for batches with settlements: even without a row, an update looks at every month's partition.
const WRITE_AND_SETTLE = {
  name: 'ledger-write-and-settle',
  text: `${WRITE_NEW}
    update historical_transactions leg
       set leg_number = new.leg_number, transaction_status = new.status, balance_before = new.balance_before,
           balance_after = new.balance_after, counterparty_id = new.counterparty_id,
           external_reference = new.external_reference, position = pg_current_xact_id(), updated_at = now()
      from json_to_recordset($38) as new (id uuid, leg_number bigint, status transaction_status_enum, balance_before numeric,
           balance_after numeric, counterparty_id uuid, external_reference varchar)
     where leg.id = new.id`,
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
    client.query<{ id: string }>({ ...LOCK_FREE, values: [plainArray([...wanted])] }),
    client.query('rollback'),
  ]);
  const busy = new Set(wanted);
  for (const { id } of free.rows) busy.delete(id);
  return busy;
}

// The statements are sent together, but each takes a snapshot of its own: what the reads see is what was committed before the locks
// were had. One merged statement would still see the time before it waited.
async function lockAndRead(client: pg.Client, postings: readonly Posting[]): Promise<State> {
  const keys = [plainArray(postings.map(({ key }) => key.accountId)), textArray(postings.map(({ key }) => key.key))];
  const open = postings.flatMap(({ movement }) =>
    movement.name === 'settle' ? [legId(movement.operationId, CREDIT_PLACE)] : [],
  );
  const [, lockedRows, keyRows, openRows] = await together([
    client.query('begin'),
    client.query<AccountRow>({ ...LOCK, values: [plainArray([...accountsOf(postings)])] }),
    client.query<KeyRow>({ ...READ_KEYS, values: keys }),
    open.length > 0 ? client.query<LegRow>({ ...READ_OPEN, values: [plainArray(open)] }) : undefined,
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

interface KeptKey {
  posting: Posting;
  answer: KeptAnswer | null;
}

interface Writes {
  isEmpty: boolean;
  accounts: Account[];
  /** The version that each account had when it was read. */
  expected: bigint[];
  changedLegs: Leg[];
  newLegs: Leg[];
  keys: KeptKey[];
  events: OutboxEvent[];
}

function collectWrites(
  postings: readonly Posting[],
  ended: readonly Ended[],
  state: State,
  changed: ReadonlyMap<string, Account>,
): Writes {
  const legs = new Map<string, Leg>();
  const keys: KeptKey[] = [];
  const events: OutboxEvent[] = [];
  for (const [index, end] of ended.entries()) {
    if ('repeats' in end || !isKept(end.decision.outcome)) continue;
    // A leg that is settled twice in one batch is written as it was left.
    for (const leg of end.decision.legs) legs.set(leg.id, leg);
    events.push(...(end.response.events ?? []));
    keys.push({ posting: postings[index] as Posting, answer: end.response.answer });
  }
  const accounts = [...changed.values()];
  const before = new Set([...state.open.values()].map(({ id }) => id));
  const all = [...legs.values()];
  return {
    isEmpty: keys.length === 0,
    accounts,
    expected: accounts.map(({ id }) => state.accounts.get(id)?.version ?? -1n),
    changedLegs: all.filter(({ id }) => before.has(id)),
    newLegs: all.filter(({ id }) => !before.has(id)),
    keys,
    events,
  };
}

async function writeAndCommit(client: pg.Client, writes: Writes): Promise<void> {
  const [written, committed] = await Promise.allSettled([
    client.query(
      writes.changedLegs.length > 0
        ? { ...WRITE_AND_SETTLE, values: [...valuesOf(writes), JSON.stringify(writes.changedLegs.map(changedRow))] }
        : { ...WRITE, values: valuesOf(writes) },
    ),
    client.query('commit'),
  ]);
  if (committed.status === 'rejected') throw new BatchFailure('unknown', committed.reason);
  // The server rolls back on COMMIT when the write has failed, and says so.
  if (written.status === 'rejected') throw new BatchFailure('rolled_back', written.reason);
  if (committed.value.command !== 'COMMIT') throw new BatchFailure('rolled_back', undefined);
}

/** The parameters of WRITE_NEW, in their order. */
function valuesOf({ accounts, expected, newLegs, keys, events }: Writes): (string | Buffer)[] {
  return [
    plainArray(accounts.map(({ id }) => id)),
    plainArray(accounts.map(({ balance }) => formatAmount(balance))),
    plainArray(accounts.map(({ version }) => version)),
    plainArray(expected),

    plainArray(newLegs.map(({ id }) => id)),
    plainArray(newLegs.map(({ operationId }) => operationId)),
    plainArray(newLegs.map(({ accountId }) => accountId)),
    plainArray(newLegs.map(({ userId }) => userId)),
    plainArray(newLegs.map(({ legNumber }) => legNumber)),
    plainArray(newLegs.map(({ type }) => type)),
    plainArray(newLegs.map(({ status }) => status)),
    plainArray(newLegs.map(({ direction }) => direction)),
    plainArray(newLegs.map(({ amount }) => formatAmount(amount))),
    plainArray(newLegs.map(({ balanceBefore }) => formatAmount(balanceBefore))),
    plainArray(newLegs.map(({ balanceAfter }) => formatAmount(balanceAfter))),
    plainArray(newLegs.map(({ currency }) => currency)),
    plainArray(newLegs.map(({ counterpartyId }) => counterpartyId)),
    plainArray(newLegs.map(({ paymentMethod }) => paymentMethod)),
    textArray(newLegs.map(({ description }) => description)),
    textArray(newLegs.map(({ externalReference }) => externalReference)),
    textArray(newLegs.map(({ metadata }) => metadata)),

    plainArray(keys.map(({ posting }) => posting.key.accountId)),
    textArray(keys.map(({ posting }) => posting.key.key)),
    textArray(keys.map(({ posting }) => posting.key.function)),
    textArray(keys.map(({ posting }) => posting.key.request)),
    plainArray(keys.map(({ posting }) => posting.operationId)),
    plainArray(keys.map(({ answer }) => answer?.status ?? null)),
    textArray(keys.map(({ answer }) => answer?.body ?? null)),

    plainArray(events.map(({ id }) => id)),
    textArray(events.map(({ topic }) => topic)),
    textArray(events.map(({ type }) => type)),
    textArray(events.map(({ source }) => source)),
    textArray(events.map(({ subject }) => subject)),
    textArray(events.map(({ partitionKey }) => partitionKey)),
    plainArray(events.map(({ sequence }) => sequence)),
    textArray(events.map(({ data }) => data)),
    textArray(events.map(({ traceparent }) => traceparent)),
  ];
}

function changedRow(leg: Leg) {
  return {
    id: leg.id,
    leg_number: leg.legNumber.toString(),
    status: leg.status,
    balance_before: formatAmount(leg.balanceBefore),
    balance_after: formatAmount(leg.balanceAfter),
    counterparty_id: leg.counterpartyId,
    external_reference: leg.externalReference,
  };
}

/** Best effort: a connection that cannot even roll back is given up by the caller, and the server rolls back for it. */
async function rollBack(client: pg.Client): Promise<void> {
  await client.query('rollback').catch(() => undefined);
}

interface AccountRow {
  id: string;
  user_id: string | null;
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
