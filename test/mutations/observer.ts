// Looks at the database again and again while others write to it. Each statement sees one moment between two commits,
// which is the state that a crash at that moment would leave.

import pg from 'pg';

const LOOK = `
  select 'seen without its event: ' || key as finding from idempotency_keys kept
   where status = 201 and answer <> '{}' and not exists (select from outbox where subject = kept.key)
  union all
  select 'seen without its key: ' || operation_id from historical_transactions leg
   where transaction_type <> 'TOPUP' and not exists (select from idempotency_keys kept where kept.operation_id = leg.operation_id)`;

export class Observer {
  readonly #client: pg.Client;
  readonly #findings = new Set<string>();
  readonly #looking: Promise<void>;
  #isOver = false;

  readonly #known: Set<string>;

  private constructor(client: pg.Client, known: Set<string>) {
    this.#client = client;
    this.#known = known;
    this.#looking = this.#look();
  }

  /** `known`: findings of earlier runs, which are not new; those of this one are added. */
  static async start(url: string, known: Set<string>): Promise<Observer> {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    return new Observer(client, known);
  }

  /** The findings so far. */
  async stop(): Promise<string[]> {
    this.#isOver = true;
    await this.#looking;
    await this.#client.end();
    return [...this.#findings];
  }

  async #look(): Promise<void> {
    while (!this.#isOver && this.#findings.size === 0) {
      const { rows } = await this.#client.query<{ finding: string }>(LOOK);
      for (const { finding } of rows) {
        if (!this.#known.has(finding)) this.#findings.add(finding);
        this.#known.add(finding);
      }
    }
  }
}
