// What a posting has come to, as plain data, however it was posted: through `post`, or in a batch that was made by hand.

import type { Ended } from '../../../shared/ledger/batch.ts';
import type { Posted } from '../../../shared/ledger/ledger.ts';
import type { Account, Bound, Decided } from '../../../shared/ledger/posting.ts';
import type { Expected } from './model.ts';

export interface Result {
  /** Otherwise the code of a problem, such as `internal_error`. */
  outcome: Expected['outcome'] | (string & {});
  /** The text that was kept. */
  answer: string | null;
  /** The operation that the answer is about. */
  operationId: string | undefined;
  /** As the decision left them; none when nothing was decided. */
  accounts: Pick<Account, 'id' | 'balance' | 'held' | 'pending' | 'incoming' | 'version'>[];
  /** The numbers of the legs that were written, by account. */
  legs: [accountId: string, legNumber: bigint][];
  bound: Bound | undefined;
  /** The answer was lost and found again by its key: what the decision saw is not known any more. */
  isRecovered?: boolean;
}

const NOTHING = { answer: null, operationId: undefined, accounts: [], legs: [], bound: undefined };

export function resultOfPosted({ answer, decided, operationId, replayed }: Posted): Result {
  if (decided) return resultOfDecided(decided, answer?.body ?? null, operationId);
  if (!replayed && answer) return recovered(answer.body, operationId);
  return { ...NOTHING, outcome: answer ? 'replayed' : 'key_in_progress', answer: answer?.body ?? null, operationId };
}

export function resultOfEnded(ended: Ended, ownOperation: string): Result {
  if ('decision' in ended) return resultOfDecided(ended.decision, ended.response.answer?.body ?? null, ownOperation);
  const { answer, operationId } = ended.repeats;
  return { ...NOTHING, outcome: answer ? 'replayed' : 'key_in_progress', answer: answer?.body ?? null, operationId };
}

/** What the kept answer says of its decision. */
export function recovered(answer: string, operationId: string): Result {
  const said = JSON.parse(answer) as { outcome: Result['outcome']; legs: [accountId: string, legNumber: string][] };
  const legs = said.legs.map(([accountId, legNumber]): [string, bigint] => [accountId, BigInt(legNumber)]);
  return { ...NOTHING, outcome: said.outcome, answer, operationId, legs, isRecovered: true };
}

/** What `post` rejects with. */
export function resultOfError(error: unknown): Result {
  const code = (error as { code?: string }).code ?? String(error);
  return { ...NOTHING, outcome: NAMES[code] ?? code };
}

const NAMES: Readonly<Record<string, string>> = { idempotency_key_reused: 'key_reused', money_frozen: 'frozen' };

function resultOfDecided(
  { outcome, accounts, legs, bound }: Decided,
  answer: string | null,
  operationId: string,
): Result {
  return {
    outcome,
    answer,
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
