// What clients asked for and what they were told: the books that the database is compared with at the end.

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

/** A payment or a hold in a client's favour that the payer has told it of. */
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
  /** Top-ups that were told to be PENDING. */
  topups: ToldTransaction[];
}

export interface Operation {
  number: number;
  kind: Kind;
  client: Client;
  key: string;
  body: Record<string, unknown>;
  /** Codes that it must be refused with; undefined where both may happen. */
  mustBe: readonly string[] | undefined;
  /** Whoever gets the money, or gave it: of the operations that have two sides. */
  other: Client | undefined;
  /** The hold that is captured or voided, the payment that is refunded. */
  about: ToldTransaction | undefined;
  end: End | undefined;
  /** The status that told the end. */
  status: number | undefined;
  code: string | undefined;
  transaction: ToldTransaction | undefined;
  /** Where the payer pays, of a top-up. */
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

/** What each account must hold, by what its owner and everybody else was told. `topups`: the ends that providers know of, by operation. */
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
      // Who captures or voids is the payee.
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
