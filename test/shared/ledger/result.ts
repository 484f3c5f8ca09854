// The result of a posting, as plain data, however it was posted: through `post`, or in a batch that was made by hand.

import type { Ended } from '../../../shared/ledger/posting/batch.ts';
import { type Posted, PostingFailure } from '../../../shared/ledger/posting/ledger.ts';
import type { Account, Bound, Decided } from '../../../shared/ledger/rules/words.ts';
import type { Expected } from './model.ts';

export interface Result {
  /** Otherwise the kind of a PostingFailure, such as `failed`. */
  outcome: Expected['outcome'] | (string & {});
  /** The text that was kept. */
  text: string | null;
  /** The operation that the result is about. */
  operationId: string | undefined;
  /** The accounts as the decision left them; none when nothing was decided. */
  accounts: Pick<Account, 'id' | 'balance' | 'held' | 'pending' | 'incoming' | 'version'>[];
  /** The numbers of the legs that were written, by account. */
  legs: [accountId: string, legNumber: bigint][];
  bound: Bound | undefined;
  /** The result was lost and found again by its key: the versions that the decision saw are unknown. */
  isRecovered?: boolean;
}

const NOTHING = { text: null, operationId: undefined, accounts: [], legs: [], bound: undefined };

export function resultOfPosted({ result, decided, operationId, replayed }: Posted): Result {
  const text = textOf(result);
  if (decided) return resultOfDecided(decided, text, operationId);
  if (!replayed && text !== null) return recovered(text, operationId);
  return { ...NOTHING, outcome: text === null ? 'key_in_progress' : 'replayed', text, operationId };
}

export function resultOfEnded(ended: Ended, ownOperation: string): Result {
  if ('decision' in ended) {
    const { data } = ended.recorded;
    return resultOfDecided(ended.decision, textOf(data && { data }), ownOperation);
  }
  const { result, operationId } = ended.repeats;
  const text = textOf(result);
  return { ...NOTHING, outcome: text === null ? 'key_in_progress' : 'replayed', text, operationId };
}

function textOf(result: Posted['result']): string | null {
  return result && JSON.stringify('data' in result ? result.data : result.answer);
}

/** What the kept result says of its decision. */
export function recovered(text: string, operationId: string): Result {
  const said = JSON.parse(text) as { outcome: Result['outcome']; legs: [accountId: string, legNumber: string][] };
  const legs = said.legs.map(([accountId, legNumber]): [string, bigint] => [accountId, BigInt(legNumber)]);
  return { ...NOTHING, outcome: said.outcome, text, operationId, legs, isRecovered: true };
}

/** The error of `post`. */
export function resultOfError(error: unknown): Result {
  return { ...NOTHING, outcome: error instanceof PostingFailure ? error.kind : String(error) };
}

function resultOfDecided(
  { outcome, accounts, legs, bound }: Decided,
  text: string | null,
  operationId: string,
): Result {
  return {
    outcome,
    text,
    operationId,
    accounts: [...accounts.values()].map(({ id, balance, held, pending, incoming, version }) => ({
      id,
      balance,
      held,
      pending,
      incoming,
      version,
    })),
    legs: legs.map(({ accountId, legNumber }) => [accountId, legNumber]),
    bound,
  };
}
