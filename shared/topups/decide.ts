// What to do about a top-up: a table from its state and what has just happened to the next step. Pure: no I/O, no clock. The README says it
// in words; pursue.ts runs it.

import type { CancelOutcome, InquiryOutcome, PaymentRequestOutcome } from '../providers/provider.ts';
import type { AttemptEnd, Topup } from './topup.ts';

/** `redirect`: the owner asks where to pay. `outcome`: a function asks how the top-up ended. */
export type Aim = 'redirect' | 'outcome';

export type State =
  /** `redirect`: no request has been sent for the attempt. */
  | 'unsent'
  /** `redirect`: a request may have been sent; its answer was lost. */
  | 'unanswered'
  /** `redirect`: the request did not arrive, and has been sent again under the same reference. */
  | 'resent'
  /** `redirect`: no attempt can be paid any more. */
  | 'unattempted'
  /** `redirect`: the top-up has ended. */
  | 'closed'
  /** The payer can still pay. */
  | 'payable'
  /** The owner wants it cancelled. */
  | 'unwanted'
  /** PENDING, but the payer cannot pay: the time is over, the address was never told, or the attempt is dead. */
  | 'abandoned'
  /** The top-up has ended; its attempt may still be paid. */
  | 'surplus'
  /** The amount paid for the attempt has been posted. */
  | 'posted'
  /** An earlier attempt, or a top-up that another process has the lease of: money is posted, nothing is ended. */
  | 'observed';

/** What posting came to. */
export type SettlementOutcome =
  | 'credited'
  | 'in_suspense'
  /** The top-up had been settled before the ledger saw this. */
  | 'already_settled'
  /** Another attempt has been credited. */
  | 'paid_before'
  /** Posted to suspense in an operation of its own. */
  | 'set_aside'
  /** Not posted: the ledger cannot take this currency. */
  | 'other_currency'
  /** The top-up has ended without money. */
  | 'closed'
  /** Not posted: another process works on the top-up. */
  | 'lease_lost';

export type Happening =
  /** The top-up has been read. */
  | { after: 'look' }
  | { after: 'add'; name: 'added' | 'not_added' }
  | { after: 'request'; name: PaymentRequestOutcome['name'] }
  | { after: 'inquire'; name: InquiryOutcome['name'] }
  | { after: 'cancel'; name: CancelOutcome['name'] }
  | { after: 'post'; name: SettlementOutcome };

export type Finding = 'refunded' | 'in_suspense' | 'paid_twice' | 'other_currency' | 'forgotten';

/** `ended`: the ledger says how. `pending`: not yet. `unknown`: the provider could not say. The last two are asked about again. */
export type AnswerName = 'accepted' | 'refused' | 'ended' | 'pending' | 'unknown';

/** Done in this order. The last of them is one of `add`, `post`, `ask` and `answer`. */
export interface Step {
  /** What a person must look at. */
  find?: Finding;
  /** The attempt's new state is written. Never overwrites PAID. */
  write?: 'paid' | { dead: AttemptEnd };
  /** The state from here on. */
  state?: State;
  /** Commits the next attempt. */
  add?: true;
  /** SUCCESS credits what was paid, SUSPENSE sets it aside; the others end the top-up without money, and need the lease. */
  post?: 'SUCCESS' | 'SUSPENSE' | 'FAILED' | 'CANCELLED';
  /** Of the provider; `look` asks the database, under a renewed lease, and decides the state anew. */
  ask?: 'request' | 'inquire' | 'cancel' | 'look';
  /** Told to the provider with a cancellation. */
  reason?: string;
  answer?: AnswerName;
}

export interface Situation {
  /** As it was read, with the attempt in question. */
  topup: Topup;
  /** The provider has the capability. */
  canCancel: boolean;
}

export interface View {
  aim: Aim;
  hasLease: boolean;
  isUnsent: boolean;
}

export function stateOf(topup: Topup, { aim, hasLease, isUnsent }: View): State {
  const { attempt, status, isCancelRequested } = topup;
  if (aim === 'redirect' && status !== 'PENDING') return 'closed';
  if (attempt.state === 'PAID') return 'posted';
  if (!hasLease || !attempt.isLatest) return 'observed';
  if (status !== 'PENDING') return 'surplus';
  if (isCancelRequested) return 'unwanted';
  if (aim === 'outcome') return isAbandoned(topup) ? 'abandoned' : 'payable';
  if (isUnsent) return 'unsent';
  return isAlive(topup) ? 'unanswered' : 'unattempted';
}

export function decide(state: State, happened: Happening, situation: Situation): Step {
  const cell = cellOf({ post: afterPosting, ...table[state] }, happened);
  if (!cell) throw new Error(`nothing is planned for a top-up that is ${state} after ${JSON.stringify(happened)}`);
  return typeof cell === 'function' ? cell(situation) : cell;
}

type Cell = Step | ((situation: Situation) => Step);
type Cells<Name extends string> = Readonly<Record<Name, Cell>>;

/** One row of the table: a new outcome of a provider stops the compiler. */
interface Row {
  look?: Cell;
  add?: Cells<'added' | 'not_added'>;
  request?: Cells<PaymentRequestOutcome['name']>;
  inquire?: Cells<InquiryOutcome['name']>;
  cancel?: Cells<CancelOutcome['name']>;
  post?: Cells<SettlementOutcome>;
}

function cellOf(row: Row, happened: Happening): Cell | undefined {
  if (happened.after === 'look') return row.look;
  const cells: Readonly<Record<string, Cell>> | undefined = row[happened.after];
  return cells?.[happened.name];
}

const look: Step = { ask: 'look' };
const request: Step = { ask: 'request' };
const inquire: Step = { ask: 'inquire' };
const credit: Step = { post: 'SUCCESS' };
const accepted: Step = { answer: 'accepted' };
const ended: Step = { answer: 'ended' };
const pending: Step = { answer: 'pending' };
const unknown: Step = { answer: 'unknown' };
const refuse: Step = { write: { dead: 'refused' }, post: 'FAILED' };

const afterPosting: Cells<SettlementOutcome> = {
  credited: { write: 'paid', answer: 'ended' },
  in_suspense: { find: 'in_suspense', write: 'paid', answer: 'ended' },
  // The settlement's key is gone after thirty days, and with it the memory of which attempt was paid.
  already_settled: { find: 'forgotten', answer: 'ended' },
  paid_before: { post: 'SUSPENSE' },
  set_aside: { find: 'paid_twice', write: 'paid', answer: 'ended' },
  other_currency: (situation) => ({ find: 'other_currency', ...asItIs(situation) }),
  closed: ended,
  lease_lost: pending,
};

const afterRefusal: Cells<SettlementOutcome> = { ...afterPosting, closed: { answer: 'refused' } };

/** The answer to a payment request was lost: what the provider knows of the payment. */
const lost: Cells<InquiryOutcome['name']> = {
  unknown,
  paid: credit,
  not_found: sendAgain,
  // The payer was never told where to pay, and the address cannot be asked for again.
  pending: cancelOr(unknown, 'its answer was lost'),
  cancelled: { write: { dead: 'given_up' }, ...look },
  failed: { write: { dead: 'failed' }, ...look },
  // Reported, and ended, by reconcile-topups.
  refunded: unknown,
};

const lostAndCancelled: Cells<CancelOutcome['name']> = {
  cancelled: { write: { dead: 'given_up' }, ...look },
  already_failed: { write: { dead: 'failed' }, ...look },
  already_paid: look,
  not_found: unknown,
  refused: unknown,
  unknown,
};

/** A cancellation was asked for. Only `cancelled` is a confirmation. */
const cancellation = (confirmed: Cell): Cells<CancelOutcome['name']> => ({
  cancelled: confirmed,
  already_paid: inquire,
  already_failed: inquire,
  not_found: inquire,
  refused: inquire,
  unknown: inquire,
});

/** What the provider knows of a payment that is to be given up. */
const givingUp = (cancelled: Cell): Cells<InquiryOutcome['name']> => ({
  unknown,
  paid: credit,
  refunded: endsAs('refunded'),
  pending,
  cancelled,
  failed: endsAs('failed'),
  not_found: neverArrives,
});

const notNeeded: Row = {
  look: cancelOr(inquire, 'not needed any more'),
  cancel: cancellation(endsAs('given_up')),
  inquire: givingUp(ownersOrOurs),
};

const table: Readonly<Record<State, Row>> = {
  unsent: {
    look: request,
    request: { accepted, refused: refuse, unknown: look },
    post: afterRefusal,
  },
  unanswered: { look: inquire, inquire: lost, cancel: lostAndCancelled },
  resent: {
    // The first sending may have been taken all the same.
    request: { accepted, refused: inquire, unknown: look },
    inquire: { ...lost, not_found: refuse },
    cancel: lostAndCancelled,
    post: afterRefusal,
  },
  unattempted: { look: { add: true }, add: { added: { state: 'unsent', ask: 'request' }, not_added: look } },
  closed: { look: ended },
  payable: {
    look: inquire,
    inquire: { ...givingUp(endsAs('cancelled')), not_found: pending },
  },
  unwanted: {
    look: cancelOr(inquire, 'cancelled by the customer'),
    cancel: cancellation(endsAs('cancelled')),
    inquire: givingUp(endsAs('cancelled')),
  },
  abandoned: notNeeded,
  surplus: notNeeded,
  posted: {
    look: inquire,
    inquire: {
      unknown,
      refunded: { find: 'refunded', answer: 'ended' },
      paid: ended,
      pending: ended,
      cancelled: ended,
      failed: ended,
      not_found: ended,
    },
  },
  observed: {
    look: inquire,
    inquire: {
      unknown,
      paid: credit,
      refunded: (situation) => ({ find: 'refunded', ...asItIs(situation) }),
      pending: asItIs,
      cancelled: asItIs,
      failed: asItIs,
      not_found: asItIs,
    },
  },
};

/** A provider without the capability is only asked, until it says itself that the payment can no longer be paid. */
function cancelOr(otherwise: Step, reason: string): Cell {
  return ({ canCancel }) => (canCancel ? { ask: 'cancel', reason } : otherwise);
}

/** Under the same reference: should the first request arrive after all, it is the same payment. */
function sendAgain({ topup: { attempt } }: Situation): Step {
  if (attempt.isOver) return { write: { dead: 'not_found' }, ...look };
  return attempt.isExpired ? unknown : { state: 'resent', ask: 'request' };
}

/** A request whose answer was lost may still be on its way. */
function neverArrives(situation: Situation): Step {
  const { topup } = situation;
  return isAlive(topup) && !topup.attempt.isOver ? pending : endsAs('not_found')(situation);
}

/** Cancelled because we have asked, or by the payer where we cannot ask. */
function ownersOrOurs(situation: Situation): Step {
  return endsAs(situation.canCancel ? 'given_up' : 'cancelled')(situation);
}

/** The attempt can no longer be paid. The top-up ends with it, unless its owner may still come for another attempt. */
function endsAs(end: AttemptEnd): (situation: Situation) => Step {
  return ({ topup }) => {
    const dead: Step = { ...(end === 'refunded' && { find: 'refunded' }), write: { dead: end } };
    if (topup.status !== 'PENDING') return { ...dead, answer: 'ended' };
    if (!topup.attempt.wasAccepted && !topup.isOld && !topup.isCancelRequested) return { ...dead, answer: 'pending' };
    return { ...dead, post: isCancelled(topup, end) ? 'CANCELLED' : 'FAILED' };
  };
}

/** CANCELLED needs the provider's word: it has confirmed that, or it has never heard of what the owner wanted cancelled. */
function isCancelled({ isCancelRequested, attempt }: Topup, end: AttemptEnd): boolean {
  // A dead attempt keeps the end that it has, unless money has been given back.
  const endedAs = end === 'refunded' ? end : (attempt.endedAs ?? end);
  return endedAs === 'cancelled' || (isCancelRequested && (endedAs === 'given_up' || endedAs === 'not_found'));
}

function asItIs({ topup }: Situation): Step {
  return topup.status === 'PENDING' ? pending : ended;
}

function isAbandoned(topup: Topup): boolean {
  const { attempt, isOld } = topup;
  return attempt.isOver || (!attempt.wasAccepted && isOld) || !isAlive(topup);
}

function isAlive({ attempt: { state } }: Topup): boolean {
  return state === 'REQUESTED' || state === 'ACCEPTED';
}
