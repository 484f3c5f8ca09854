// Releases expired holds. Each release has its own key, so a hold is released once, however often the schedule runs,
// and an earlier capture stands.

import { type Finding, keepFindings } from '../findings.ts';
import { dataOf } from '../ledger/posting/keys.ts';
import { PostingFailure, post } from '../ledger/posting/ledger.ts';
import { movementEvent } from '../ledger/posting/movement-event.ts';
import { SCHEDULE_KEYS } from '../ledger/rules/system-accounts.ts';
import type { Decided, Leg, Outcome, Recorded } from '../ledger/rules/words.ts';
import { query } from '../platform/database/database.ts';
import { log } from '../platform/telemetry/log.ts';

/** The size of one page, which becomes one batch of the ledger. */
const AT_ONCE = 50;

interface ExpiredHold {
  [column: string]: unknown;
  operation_id: string;
  payer_account: string;
  /** Null if its leg is missing. */
  payee_account: string | null;
  amount: string;
  expires_at: string;
}

/**
 * `elsewhere`: captured or voided at the same moment. `frozen`, `later`: nothing has happened, the next run tries
 * again.
 */
type End = 'released' | 'elsewhere' | 'frozen' | 'later' | { refused: string };

export interface Expiry {
  released: number;
  refused: number;
  /** True if some expired holds are left for the next run. */
  left: boolean;
}

/**
 * Releases expired holds, the oldest first. No batch begins after `limitMs`. A hold that cannot be released becomes a
 * finding and does not block the others; the next run tries it again.
 */
export async function releaseExpired(limitMs: number, traceparent: string): Promise<Expiry> {
  const end = performance.now() + limitMs;
  const findings: Finding[] = [];
  const expiry: Expiry = { released: 0, refused: 0, left: false };
  for (let after: ExpiredHold | undefined; ; ) {
    const holds = await readExpired(after);
    const ends = await Promise.all(holds.map((hold) => release(hold, traceparent)));
    for (const [index, how] of ends.entries()) {
      if (how === 'released') expiry.released++;
      else if (how === 'frozen' || how === 'later') expiry.left = true;
      else if (how !== 'elsewhere') findings.push(refusedHold(holds[index] as ExpiredHold, how.refused));
    }
    after = holds.at(-1);
    if (holds.length < AT_ONCE) break;
    if (performance.now() > end) {
      expiry.left = true;
      break;
    }
  }
  expiry.refused = findings.length;
  await keepFindings('hold_not_released', findings, expiry.left ? 'some' : 'all');
  return expiry;
}

/** The next page after the given hold, in the order of expiry. */
function readExpired(after: ExpiredHold | undefined): Promise<ExpiredHold[]> {
  return query<ExpiredHold>({
    name: 'holds-expired',
    text: `
      select hold.operation_id, hold.payer_account, debit.counterparty_id as payee_account, hold.amount, hold.expires_at::text
        from holds hold left join historical_transactions debit
          on debit.id = (left(hold.operation_id::text, 35) || '1')::uuid and debit.account_id = hold.payer_account
       where hold.ended_at is null and hold.expires_at <= now()
         and ($1::timestamptz is null or (hold.expires_at, hold.operation_id) > ($1::timestamptz, $2::uuid))
       order by hold.expires_at, hold.operation_id limit $3`,
    values: [after?.expires_at ?? null, after?.operation_id ?? null, AT_ONCE],
  });
}

async function release(hold: ExpiredHold, traceparent: string): Promise<End> {
  const { operation_id: operationId, payer_account: from, payee_account: to } = hold;
  if (to === null) return { refused: 'its legs are missing' };
  try {
    const { result, decided } = await post({
      key: {
        accountId: SCHEDULE_KEYS,
        key: `expire:${operationId}`,
        function: 'expire-holds',
        request: JSON.stringify({ operation_id: operationId }),
      },
      operationId,
      movement: { name: 'release', operationId, from, to, why: 'expired' },
      record: (decided) => record(decided, traceparent),
    });
    const outcome = result ? dataOf(result).outcome : decided?.outcome;
    if (outcome === 'posted') return 'released';
    if (outcome === 'frozen') return 'frozen';
    return outcome === 'already_settled' && !(await isOpen(operationId))
      ? 'elsewhere'
      : { refused: outcome ?? 'no result' };
  } catch (error) {
    if (!(error instanceof PostingFailure)) throw error;
    log.warn({ error, operationId }, 'an expired hold could not be released');
    // `busy` and `unknown` mean that the database is away or the account is locked. `failed` is about this hold.
    return error.kind === 'failed' ? { refused: 'it cannot be written' } : 'later';
  }
}

function record({ outcome, legs }: Decided, traceparent: string): Recorded<{ outcome: Outcome }> {
  const data = { outcome };
  if (outcome !== 'posted') return { data };
  const [debit, credit] = legs as [Leg, Leg];
  return { data, events: [movementEvent('one-gate.payment.expired', 'expire-holds', [debit, credit], traceparent)] };
}

async function isOpen(operationId: string): Promise<boolean> {
  const rows = await query({
    text: 'select 1 from holds where operation_id = $1 and ended_at is null',
    values: [operationId],
  });
  return rows.length > 0;
}

function refusedHold({ operation_id: operationId, payer_account: payer, amount }: ExpiredHold, why: string): Finding {
  return {
    kind: 'hold_not_released',
    subject: operationId,
    operationId,
    detail: `A hold of ${amount} of account ${payer} has expired and cannot be released: ${why}.`,
  };
}
