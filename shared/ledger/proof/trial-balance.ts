// The proof of the books: proves the database's promises again from its rows. Payments go on meanwhile; every page is
// one snapshot. prove-books continues where its last run stopped and believes what that has proven; `make audit` begins
// at the first leg and believes nothing.

import { type Finding, type MoneyFindingKind, openFindings, tell } from '../../findings.ts';
import { transaction as inTransaction, type Query, sqlState } from '../../platform/database/database.ts';
import { brokenHolds, brokenRefunds, PROVE_PAGE } from './trial-balance-page.ts';

/** A finding about money that contradicts the ledger's promises. */
export interface BrokenPromise extends Finding {
  kind: MoneyFindingKind;
}

interface PageSize {
  accounts: number;
  /** The most legs of a page, except where one account has more. */
  legs: number;
  legsOfOne: string;
  /** The most broken promises to report. */
  told: number;
}

/** More than these in one page have a cause that no list of findings explains. */
const MOST_FINDINGS = 100;

/** Small enough for the statement timeout of the auditor's role, unless the database is overloaded. */
const PIECE: PageSize = { accounts: 1_000, legs: 10_000, legsOfOne: '10000', told: MOST_FINDINGS + 1 };
const LARGE_PIECE: PageSize = { accounts: 5_000, legs: 200_000, legsOfOne: '9223372036854775807', told: 10_000 };

const SMALLEST_PIECE = 500;
const QUERY_CANCELED = '57014';

const NO_ACCOUNT = '00000000-0000-0000-0000-000000000000';

interface Page {
  /** The last account that was read completely. */
  position: string;
  isLast: boolean;
  accounts: number;
  legs: number;
  operations: number;
  broken: BrokenPromise[];
  /** For each account with new legs: id, last leg, balance, incoming, month. */
  proven: [string, string, string, string, string][];
}

interface PageRow {
  [column: string]: unknown;
  position: string;
  is_last: boolean;
  accounts: number;
  legs: number;
  operations: number;
  proven: string | null;
  broken: string | null;
}

async function provePage(query: Query, after: string, size: PageSize, believesCheckpoints: boolean): Promise<Page> {
  const [row] = await query<PageRow>({
    text: PROVE_PAGE,
    values: [after, size.accounts, size.legs, size.legsOfOne, believesCheckpoints, size.told],
  });
  if (!row) throw new Error('a page of accounts was not answered');
  const { position, accounts, legs, operations, is_last: isLast, proven, broken } = row;
  return {
    position,
    isLast,
    accounts,
    legs,
    operations,
    proven: JSON.parse(proven ?? '[]'),
    broken: ((JSON.parse(broken ?? '[]') ?? []) as BrokenRow[]).map(brokenPromise),
  };
}

interface BrokenRow {
  [column: string]: unknown;
  kind: MoneyFindingKind;
  subject: string;
  operation_id: string | null;
  detail: string;
}

function brokenPromise({ kind, subject, operation_id: operationId, detail }: BrokenRow): BrokenPromise {
  return { kind, subject, operationId, detail };
}

/** The balances of each currency sum to zero. Reads each account once and nothing else. */
async function proveTotals(query: Query): Promise<BrokenPromise[]> {
  const rows = await query<BrokenRow>({
    text: `
      select 'ledger_total' as kind, currency as subject, null as operation_id,
             format('The balances in %s sum to %s.', currency, sum(balance)) as detail
        from accounts group by currency having sum(balance) <> 0`,
  });
  return rows.map(brokenPromise);
}

export interface TrialBalance {
  /** Accounts and legs that were read. */
  accounts: number;
  legs: number;
  broken: BrokenPromise[];
  isRoundComplete: boolean;
}

/**
 * Proves the legs after the last checkpoints, page by page, until the round over all accounts is complete or the time
 * is over. Broken promises are written as findings, in the transaction that moves the walk on. One walk runs at a time.
 */
export async function continueTrialBalance(limitMs: number): Promise<TrialBalance> {
  const end = performance.now() + limitMs;
  const totals = await inTransaction(async (query) => {
    const broken = await proveTotals(query);
    return { broken, events: await openFindings(query, broken) };
  });
  tell(totals.events);
  const all: TrialBalance = { accounts: 0, legs: 0, broken: totals.broken, isRoundComplete: false };
  let size = PIECE;
  while (performance.now() < end && !all.isRoundComplete) {
    const step = await inTransaction((query) => proveNext(query, size)).catch((error) => {
      if (sqlState(error) !== QUERY_CANCELED || size.legs < SMALLEST_PIECE) throw error;
      size = { ...size, accounts: size.accounts >> 2, legs: size.legs >> 2, legsOfOne: String(size.legs >> 2) };
      return 'too large' as const;
    });
    if (step === 'too large') continue;
    if (!step) break;
    tell(step.events);
    all.accounts += step.page.accounts;
    all.legs += step.page.legs;
    all.broken.push(...step.page.broken);
    // The walk stops here, because a person is needed now.
    if (step.page.broken.length > MOST_FINDINGS) break;
    all.isRoundComplete = step.page.isLast;
  }
  return all;
}

/**
 * Seconds since the beginning of the last complete round over all accounts, or of the first round until one is
 * complete.
 */
export async function ageOfTrialBalance(query: Query): Promise<number> {
  const [row] = await query<{ age: number }>({
    text: 'select extract(epoch from now() - coalesce(completed_began_at, round_began_at))::float8 as age from trial_balance',
  });
  return row?.age ?? 0;
}

// Payments join no large table, so 0006 turns hash joins off. This statement joins the rows that it has just read, and
// needs them. It reads in the order of indexes and stops at the end of the page, whatever the statistics say.
const PLANS = `
  set local enable_hashjoin = on; set local enable_sort = off; set local enable_bitmapscan = off;
  set local plan_cache_mode = force_custom_plan`;

async function proveNext(query: Query, size: PageSize) {
  const [walk] = await query<{ position: string }>({
    text: 'select position from trial_balance for update skip locked',
  });
  // Another run is walking.
  if (!walk) return undefined;
  await query({ text: PLANS });
  if (walk.position === NO_ACCOUNT) await query({ text: 'update trial_balance set round_began_at = now()' });
  const page = await provePage(query, walk.position, size, true);
  const events = await openFindings(query, page.broken);
  if (page.broken.length <= MOST_FINDINGS) {
    await keepCheckpoints(query, page.proven);
    await query({
      text: page.isLast
        ? 'update trial_balance set position = $1, completed_at = now(), completed_began_at = round_began_at'
        : 'update trial_balance set position = $1',
      values: [page.isLast ? NO_ACCOUNT : page.position],
    });
  }
  return { page, events };
}

/** Moves the checkpoints on even where a promise is broken. The finding stays, and the next break is a new finding. */
async function keepCheckpoints(query: Query, proven: Page['proven']): Promise<void> {
  if (proven.length === 0) return;
  await query({
    text: `
      insert into ledger_checkpoints (account_id, leg_number, balance, incoming, incoming_month)
      select (row->>0)::uuid, (row->>1)::bigint, (row->>2)::numeric, (row->>3)::numeric, (row->>4)::date from json_array_elements($1) row
      on conflict (account_id) do update
         set (leg_number, balance, incoming, incoming_month, checked_at)
           = (excluded.leg_number, excluded.balance, excluded.incoming, excluded.incoming_month, now())`,
    values: [JSON.stringify(proven)],
  });
}

export interface Proof {
  accounts: number;
  legs: number;
  operations: number;
  broken: BrokenPromise[];
}

/**
 * Proves all books from the first leg. `query` belongs to a REPEATABLE READ transaction without a time limit, so the
 * whole is one snapshot. Unlike prove-books it also checks every hold and every total of refunds, however old, and legs
 * of missing accounts.
 */
export async function proveEverything(
  query: Query,
  onPage: (accounts: number) => void = () => undefined,
): Promise<Proof> {
  const proof: Proof = { accounts: 0, legs: 0, operations: 0, broken: await proveTotals(query) };
  for (let position = NO_ACCOUNT, isLast = false; !isLast; ) {
    const page = await provePage(query, position, LARGE_PIECE, false);
    ({ position, isLast } = page);
    proof.accounts += page.accounts;
    proof.legs += page.legs;
    proof.operations += page.operations;
    proof.broken.push(...page.broken);
    onPage(proof.accounts);
  }
  for (const text of [brokenHolds('holds'), brokenRefunds('refunded_payments'), ORPHANS]) {
    proof.broken.push(...(await query<BrokenRow>({ text: `${text} limit ${LARGE_PIECE.told}` })).map(brokenPromise));
  }
  const unique = new Map(proof.broken.map((each) => [`${each.kind} ${each.subject}`, each]));
  return { ...proof, broken: [...unique.values()] };
}

const ORPHANS = `
  select 'ledger_orphan' as kind, leg.id::text as subject, leg.operation_id, format('Leg %s is of no account (%s).', leg.id, leg.account_id) as detail
    from historical_transactions leg where not exists (select from accounts where id = leg.account_id)`;
