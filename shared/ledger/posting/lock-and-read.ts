// The first round trip of a batch: locks the accounts, then reads the state for the decision.

import type pg from 'pg';
import { parseAmount } from '../../money.ts';
import { plainArray, textArray } from '../../platform/database/arrays.ts';
import { keyName, type State } from '../rules/decide.ts';
import { accountIds, legIds } from '../rules/movements.ts';
import type { Account, Freezes, HeldAmount, Limits, Posting, RefundTotal } from '../rules/words.ts';
import { KEY_COLUMNS, type KeyRow, seenKeyOf } from './key-row.ts';
import { LEG_COLUMNS, type LegRow, legOf } from './leg-row.ts';

const LOCK = {
  name: 'ledger-lock',
  // Every batch locks in the order of ids, so that batches cannot deadlock. NO KEY lets the foreign keys of other
  // inserts pass.
  text: `
    select id, user_id, kind, account_status, currency, verified_at is not null as verified, balance, held, pending,
           incoming, incoming_month::text, version, updated_at
      from accounts where id = any($1::uuid[]) order by id for no key update`,
};

const LOCK_FREE = {
  name: 'ledger-lock-free',
  text: 'select id from accounts where id = any($1::uuid[]) order by id for no key update skip locked',
};

// clock_timestamp() is read after the wait for the locks; now() would be the time before it.
const READ_RULES = {
  name: 'ledger-read-rules',
  text: `
    select clock_timestamp() as now,
           (select json_agg(json_build_array(holder, rule, value::text) order by id)::text from emoney_limits
             where valid_from <= now() and (valid_until is null or valid_until > now()) and currency = 'IDR') as limits,
           (select json_agg(json_build_array(scope, subject))::text from freezes where thawed_at is null) as freezes`,
};

const READ_KEYS = {
  name: 'ledger-read-keys',
  text: `
    select ${KEY_COLUMNS}
      from unnest($1::uuid[], $2::text[]) as asked (account_id, key) join idempotency_keys using (account_id, key)`,
};

const READ_LEGS = {
  name: 'ledger-read-legs',
  text: `select ${LEG_COLUMNS} from historical_transactions where id = any($1::uuid[])`,
};

const READ_HOLDS = {
  name: 'ledger-read-holds',
  text: `
    select operation_id, payer_account, amount, held_at, expires_at, ended_at, captured
      from holds where operation_id = any($1::uuid[])`,
};

const READ_REFUNDS = {
  name: 'ledger-read-refunds',
  text: 'select operation_id, paid, refunded from refunded_payments where operation_id = any($1::uuid[])',
};

/**
 * Sends the statements together, but each takes its own snapshot: the reads see all commits from before the locks were
 * granted. One merged statement would see the time before its wait. Statements without a subject in this batch are left
 * out.
 */
export async function lockAndRead(client: pg.Client, postings: readonly Posting[]): Promise<State> {
  const keys = [plainArray(postings.map(({ key }) => key.accountId)), textArray(postings.map(({ key }) => key.key))];
  const movements = postings.map(({ movement }) => movement);
  const ask = <Row extends pg.QueryResultRow>(statement: { name: string; text: string }, ids: string[]) =>
    ids.length > 0 ? client.query<Row>({ ...statement, values: [plainArray(ids)] }) : undefined;
  const [, lockedRows, ruleRows, keyRows, legRows, holdRows, refundRows] = await together([
    client.query('begin'),
    client.query<AccountRow>({ ...LOCK, values: [plainArray([...accountsOf(postings)])] }),
    client.query<RulesRow>(READ_RULES),
    client.query<KeyRow>({ ...READ_KEYS, values: keys }),
    ask<LegRow>(READ_LEGS, [...new Set(movements.flatMap(legIds))]),
    ask<HoldRow>(
      READ_HOLDS,
      movements.flatMap((each) => (each.name === 'capture' || each.name === 'release' ? [each.operationId] : [])),
    ),
    ask<RefundRow>(
      READ_REFUNDS,
      movements.flatMap((each) => (each.name === 'refund' ? [each.payment] : [])),
    ),
  ]);
  const [rules] = ruleRows.rows as [RulesRow];
  const now = new Date(Math.max(rules.now.getTime(), ...lockedRows.rows.map((row) => row.updated_at.getTime())));
  return {
    now,
    accounts: new Map(lockedRows.rows.map((row) => [row.id, accountOf(row, monthOf(now))])),
    keys: new Map(keyRows.rows.map((row) => [keyName({ ...row, accountId: row.account_id }), seenKeyOf(row)])),
    legs: new Map(legRows?.rows.map((row) => [row.id, legOf(row)])),
    holds: new Map(holdRows?.rows.map((row) => [row.operation_id, heldAmountOf(row)])),
    refunds: new Map(refundRows?.rows.map((row) => [row.operation_id, refundTotalOf(row)])),
    limits: limitsOf(rules.limits),
    freezes: freezesOf(rules.freezes),
  };
}

/** The accounts of the postings that another transaction has locked. */
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

function accountsOf(postings: readonly Posting[]): Set<string> {
  return new Set(postings.flatMap(({ key, movement }) => [key.accountId, ...accountIds(movement)]));
}

/** Waits for all of them and fails with the first error, so that every pipelined statement's rejection is handled. */
async function together<Results extends unknown[]>(
  queries: { [K in keyof Results]: Results[K] | Promise<Results[K]> },
): Promise<Results> {
  const settled = await Promise.allSettled(queries);
  for (const result of settled) if (result.status === 'rejected') throw result.reason;
  return settled.map((result) => (result as PromiseFulfilledResult<unknown>).value) as Results;
}

const JAKARTA_OFFSET_MS = 7 * 3_600_000;

/** The first day of the month in Jakarta, which has had no daylight saving time since 1964. */
function monthOf(time: Date): string {
  return `${new Date(time.getTime() + JAKARTA_OFFSET_MS).toISOString().slice(0, 7)}-01`;
}

interface AccountRow {
  id: string;
  user_id: string | null;
  kind: Account['kind'];
  account_status: Account['status'];
  currency: string;
  verified: boolean;
  balance: string;
  held: string;
  pending: string;
  incoming: string;
  incoming_month: string;
  version: string;
  updated_at: Date;
}

function accountOf(row: AccountRow, month: string): Account {
  return {
    id: row.id,
    userId: row.user_id,
    kind: row.kind,
    status: row.account_status,
    currency: row.currency,
    verified: row.verified,
    balance: parseAmount(row.balance),
    held: parseAmount(row.held),
    pending: parseAmount(row.pending),
    incoming: row.incoming_month === month ? parseAmount(row.incoming) : 0n,
    version: BigInt(row.version),
  };
}

interface RulesRow {
  now: Date;
  limits: string | null;
  freezes: string | null;
}

let limits: { text: string | null; parsed: Limits } = { text: null, parsed: { UNVERIFIED: {}, VERIFIED: {} } };

/** The rows hardly ever change, so the same text is parsed once. */
function limitsOf(text: string | null): Limits {
  if (text !== limits.text) {
    const parsed = { UNVERIFIED: {}, VERIFIED: {} } as Record<keyof Limits, Record<string, bigint>>;
    for (const [holder, rule, value] of JSON.parse(text ?? '[]') as [keyof Limits, string, string][]) {
      parsed[holder][rule] = parseAmount(value);
    }
    limits = { text, parsed };
  }
  return limits.parsed;
}

const NOTHING_FROZEN: Freezes = { all: false, accounts: new Set(), functions: new Set() };

function freezesOf(text: string | null): Freezes {
  if (text === null) return NOTHING_FROZEN;
  const open = JSON.parse(text) as ['ALL' | 'ACCOUNT' | 'FUNCTION', string][];
  const subjects = (scope: string) => new Set(open.flatMap(([each, subject]) => (each === scope ? [subject] : [])));
  return {
    all: open.some(([scope]) => scope === 'ALL'),
    accounts: subjects('ACCOUNT'),
    functions: subjects('FUNCTION'),
  };
}

interface HoldRow {
  operation_id: string;
  payer_account: string;
  amount: string;
  held_at: Date;
  expires_at: Date;
  ended_at: Date | null;
  captured: string;
}

function heldAmountOf(row: HoldRow): HeldAmount {
  return {
    operationId: row.operation_id,
    payerAccount: row.payer_account,
    amount: parseAmount(row.amount),
    heldAt: row.held_at,
    expiresAt: row.expires_at,
    endedAt: row.ended_at,
    captured: parseAmount(row.captured),
  };
}

interface RefundRow {
  operation_id: string;
  paid: string;
  refunded: string;
}

function refundTotalOf({ operation_id: operationId, paid, refunded }: RefundRow): RefundTotal {
  return { operationId, paid: parseAmount(paid), refunded: parseAmount(refunded) };
}
