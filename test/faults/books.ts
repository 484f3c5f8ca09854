// The clients' requests and the answers that they got: the books with which the database is compared at the end.

import { parseAmount } from '../../shared/money.ts';

export const KINDS = ['pay', 'transfer', 'topup', 'refund', 'hold', 'capture', 'void', 'cancel'] as const;
export type Kind = (typeof KINDS)[number];

/** How it ended as far as the client knows. `given_up`: the only request was answered "failed, safe to retry" and not sent again. */
export type End = 'succeeded' | 'pending' | 'refused' | 'given_up';

/** The members of a transaction that the books need. */
export interface ToldTransaction {
  id: string;
  transaction_id: string;
  operation_id: string;
  type: string;
  status: string;
  amount: string;
}

/** A payment or a hold in a client's favour, as the payer has reported it. */
export interface Received {
  transaction: ToldTransaction;
  payer: Client;
  isHold: boolean;
}

export interface Client {
  accountId: string;
  username: string;
  type: 'user' | 'merchant';
  token: string;
  /** Minor units, before the run. */
  opening: bigint;
  received: Received[];
  /** Top-ups whose answers said PENDING. */
  topups: ToldTransaction[];
}

export interface Operation {
  number: number;
  kind: Kind;
  client: Client;
  key: string;
  body: Record<string, unknown>;
  /** Codes with which it must be refused; undefined when it may also succeed. */
  mustBe: readonly string[] | undefined;
  /** The account that gets the money, or gave it: of operations with two sides. */
  other: Client | undefined;
  /** The hold that is captured or voided, the payment that is refunded. */
  about: ToldTransaction | undefined;
  end: End | undefined;
  /** The status of the final answer. */
  status: number | undefined;
  code: string | undefined;
  transaction: ToldTransaction | undefined;
  /** The payer's page, of a top-up. */
  redirectUrl: string | undefined;
  /** An answer was lost, or was "unknown", on the way. */
  wasUnknown: boolean;
  requests: number;
  /** What happened to it, in order. */
  story: string[];
}

export interface Expected {
  balance: bigint;
  held: bigint;
  pending: bigint;
}

/**
 * The balances that accounts must have, by the answers that clients got. `topups`: the ends that providers know of, by
 * operation.
 */
export function expectedAccounts(
  clients: readonly Client[],
  operations: readonly Operation[],
  topups: ReadonlyMap<string, { status: string; amount: bigint }>,
): Map<Client, Expected> {
  const books = new Map(clients.map((client) => [client, { balance: client.opening, held: 0n, pending: 0n }]));
  const of = (client: Client | undefined): Expected => {
    const found = client && books.get(client);
    if (!found) throw new Error('An operation is between strangers.');
    return found;
  };
  for (const { kind, client, other, about, end, transaction } of operations) {
    if ((end !== 'succeeded' && end !== 'pending') || !transaction || kind === 'topup' || kind === 'cancel') continue;
    const amount = parseAmount(transaction.amount);
    const [mine, theirs] = [of(client), of(other)];
    if (kind === 'pay' || kind === 'transfer' || kind === 'refund') {
      mine.balance -= amount;
      theirs.balance += amount;
    } else if (kind === 'hold') {
      mine.held += amount;
      theirs.pending += amount;
    } else {
      // The payee captures or voids.
      const held = parseAmount(about?.amount ?? '');
      mine.pending -= held;
      theirs.held -= held;
      if (kind === 'capture') {
        mine.balance += amount;
        theirs.balance -= amount;
      }
    }
  }
  for (const { client, transaction, kind } of operations) {
    if (kind !== 'topup' || !transaction) continue;
    const known = topups.get(transaction.operation_id);
    if (known?.status === 'SUCCESS') of(client).balance += known.amount;
    else if (known?.status === 'PENDING') of(client).pending += known.amount;
  }
  return books;
}

/** One per operation, for a finding. */
export function storyOf({ number, kind, client, key, body, other, story }: Operation): string {
  const who = `${client.username}${other ? ` with ${other.username}` : ''}`;
  return [
    `#${number} ${kind} by ${who}, key ${key}, ${JSON.stringify(body)}`,
    ...story.map((line) => `    ${line}`),
  ].join('\n');
}
