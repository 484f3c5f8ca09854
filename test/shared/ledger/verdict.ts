// Compares the ledger's results with the model's, posting by posting, and then the state of the database.

import type pg from 'pg';
import { brokenPromises } from '../../setup/accounts.ts';
import { readAccounts } from './cast.ts';
import { isKeptByRule, type Model } from './model.ts';
import { type Done, decidedOrder } from './order.ts';
import type { Planned } from './plan.ts';
import type { Cast } from './roles.ts';

/** Everything that one run remembers of its own answers. */
export class Verdict {
  readonly model: Model;
  readonly broken: string[] = [];
  readonly #cast: Cast;
  /** By key: the first result that was kept, the operation it is about, and its request. */
  readonly #kept = new Map<string, { text: string | null; planned: Planned }>();
  /** Keys of postings that have moved money, or promised to. */
  readonly #posted = new Map<string, Planned>();
  readonly #all: Planned[] = [];

  constructor(cast: Cast, model: Model) {
    this.#cast = cast;
    this.model = model;
  }

  /** Postings that may have run at once; their order is found afterwards. */
  judge(done: readonly Done[]): void {
    const { order, broken } = decidedOrder(done);
    this.broken.push(...broken);
    for (const each of order) this.#judgeOne(each);
  }

  #judgeOne({ planned, result }: Done): void {
    this.#all.push(planned);
    const what = () => `${planned.movement.name} ${planned.key.request} of ${planned.key.key}`;
    if (planned.isPoison) {
      const isAlone = result.outcome === 'failed' || !isKeptByRule(result as { outcome: 'posted' });
      if (!isAlone) this.broken.push(`what cannot be written ended ${result.outcome}`);
      return;
    }
    if (result.isRecovered && result.legs.length === 0) {
      // Refused at an unknown moment: it can only be checked that its key is kept.
      this.model.claim(planned);
      this.#kept.set(`${planned.key.accountId}/${planned.key.key}`, { text: result.text, planned });
      return;
    }
    const expected = this.model.run(planned);
    if (result.outcome !== expected.outcome) {
      this.broken.push(`${what()}: ${result.outcome} instead of ${expected.outcome}`);
      return;
    }
    const name = `${planned.key.accountId}/${planned.key.key}`;
    const first = this.#kept.get(name);
    if (expected.outcome === 'replayed') {
      if (result.text !== first?.text || result.operationId !== first?.planned.operationId)
        this.broken.push(`${what()}: another result than the first time`);
    } else if (isKeptByRule(expected)) this.#kept.set(name, { text: result.text, planned });
    if (expected.outcome === 'posted' || expected.outcome === 'posted_to_suspense') this.#posted.set(name, planned);
    if (!result.isRecovered && text(result.bound) !== text(expected.bound))
      this.broken.push(`${what()}: the bound is ${text(result.bound)} instead of ${text(expected.bound)}`);
    for (const { id, ...account } of result.accounts) {
      const figures = this.model.figures(id);
      if (text(account) !== text(figures)) {
        this.broken.push(`${what()}: ${this.#nameOf(id)} stands at ${text(account)} instead of ${text(figures)}`);
      }
    }
  }

  /** The accounts of the cast, at this moment. */
  async compareAccounts(admin: pg.Client): Promise<void> {
    for (const { id, balance, held, pending, incoming, version } of await readAccounts(admin, this.#cast)) {
      const [left, right] = [text({ balance, held, pending, incoming, version }), text(this.model.figures(id))];
      if (left !== right) this.broken.push(`${this.#nameOf(id)} is left at ${left} instead of ${right}`);
    }
  }

  /** Keys, events and legs: they exist for operations that were done, and for nothing else. */
  async compareTraces(admin: pg.Client): Promise<void> {
    const keys = [...new Set(this.#all.map(({ key }) => key.key))];
    const kept = await admin.query(
      `select account_id || '/' || key as name, key, function, request, operation_id, result from idempotency_keys where key = any($1)`,
      [keys],
    );
    const difference = (what: string, expected: Iterable<string>, found: Iterable<string>) => {
      const [left, right] = [[...expected].sort().join('\n'), [...found].sort().join('\n')];
      if (left !== right) this.broken.push(`${what} are\n${right}\ninstead of\n${left}`);
    };
    difference(
      'the keys',
      [...this.#kept].map(([name, { text: kept, planned }]) =>
        text([name, planned.key.function, planned.key.request, planned.operationId, kept]),
      ),
      kept.rows.map((row) => text([row.name, row.function, row.request, row.operation_id, row.result])),
    );
    const events = await admin.query(
      `select partition_key || '/' || subject as name from outbox where subject = any($1)`,
      [keys],
    );
    difference(
      'the events',
      this.#posted.keys(),
      events.rows.map(({ name }) => name),
    );
    const operations = [...new Set(this.#all.map(({ operationId }) => operationId))];
    const legs = await admin.query(
      `select operation_id || ' ' || transaction_status as name, array_agg(direction order by id)::text as sides
         from historical_transactions where operation_id = any($1) group by 1`,
      [operations],
    );
    difference(
      'the legs',
      this.#expectedLegs(),
      legs.rows.map(({ name, sides }) => `${name} ${sides}`),
    );
  }

  *#expectedLegs(): Iterable<string> {
    for (const [id, { state, elsewhere, from, endedAs }] of this.model.operations) {
      if (elsewhere) {
        yield `${id} SUCCESS {DEBIT,CREDIT}`;
        yield `${id} FAILED {CREDIT}`;
      } else {
        const status = state === 'ENDED' ? (endedAs ?? 'CANCELLED') : state;
        yield `${id} ${status} ${from === undefined ? '{CREDIT}' : '{DEBIT,CREDIT}'}`;
      }
    }
  }

  #nameOf(id: string): string {
    return Object.entries(this.#cast.accounts).find(([, each]) => each === id)?.[0] ?? id;
  }
}

/** The invariants of the whole database, at any moment. */
export async function brokenInvariants(admin: pg.Client): Promise<string[]> {
  const { rows } = await admin.query(INVARIANTS);
  return [...(await brokenPromises(admin)), ...rows].map((row) => text(row));
}

const INVARIANTS = `
  select 'held is not what its PENDING debits sum to' as promise, account.id::text as detail
    from accounts account left join historical_transactions leg on leg.account_id = account.id and transaction_status = 'PENDING'
   group by account.id
  having account.held <> coalesce(sum(amount) filter (where direction = 'DEBIT'), 0)
      or account.pending <> coalesce(sum(amount) filter (where direction = 'CREDIT'), 0)
  union all
  select 'an available amount is below zero', id::text from accounts where kind <> 'SYSTEM' and (balance < held or held < 0)
  union all
  select 'more was given back than was paid, or another sum than is kept', payment.operation_id::text
    from historical_transactions payment
    left join refunded_payments total on total.operation_id = payment.operation_id
    left join historical_transactions refund on refund.refund_of = payment.operation_id and refund.direction = 'CREDIT'
   where payment.direction = 'CREDIT'
   group by payment.operation_id, payment.amount, total.refunded, total.paid
  having coalesce(sum(refund.amount), 0) > payment.amount or coalesce(sum(refund.amount), 0) <> coalesce(total.refunded, 0)
      or total.paid <> payment.amount
  union all
  select 'a hold and its legs disagree', hold.operation_id::text
    from holds hold left join historical_transactions leg on leg.operation_id = hold.operation_id
   group by hold.operation_id
  having count(leg.id) <> 2 or count(distinct leg.transaction_status) <> 1 or count(distinct leg.amount) <> 1
      or (min(leg.transaction_status) = 'PENDING') <> (hold.ended_at is null)
      or (min(leg.transaction_status) = 'SUCCESS') <> (hold.captured > 0)
      or (hold.captured > 0 and hold.captured <> min(leg.amount))
  union all
  select 'the times of an account fall while its numbers rise', account_id::text from (
    select account_id, updated_at, lag(updated_at) over (partition by account_id order by leg_number) as before
      from historical_transactions) timed
   where updated_at < before and account_id not in (select id from accounts where kind = 'SYSTEM')`;

function text(value: unknown): string {
  return JSON.stringify(value, (_name, each) => (typeof each === 'bigint' ? each.toString() : each)) ?? 'none';
}
