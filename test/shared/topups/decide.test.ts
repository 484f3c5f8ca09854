// The table of top-ups, row by row.

import { describe, expect, test } from '@jest/globals';
import { decide, type Happening, type State, type Step, stateOf, type View } from '../../../shared/topups/decide.ts';
import type { Attempt, Topup } from '../../../shared/topups/topup.ts';
import { aTopup } from './a-topup.ts';

const requested: Partial<Attempt> = { state: 'REQUESTED', wasAccepted: false };
const dead = (endedAs: NonNullable<Attempt['endedAs']>): Partial<Attempt> => ({ state: 'DEAD', endedAs });
const owner: View = { aim: 'redirect', hasLease: true, isUnsent: false };
const opener: View = { ...owner, isUnsent: true };
const asking: View = { ...owner, aim: 'outcome' };
const without: View = { ...asking, hasLease: false };

describe('the state of a top-up', () => {
  test.each<[string, View, Topup, State]>([
    ['its owner has just opened it', opener, aTopup({}, requested), 'unsent'],
    ['the address was never told', owner, aTopup({}, requested), 'unanswered'],
    ['its attempt has been accepted', owner, aTopup(), 'unanswered'],
    ['its attempt is dead', owner, aTopup({}, dead('given_up')), 'unattempted'],
    ['its owner wants it cancelled, and asks where to pay', owner, aTopup({ isCancelRequested: true }), 'unwanted'],
    ['it has been credited', owner, aTopup({ status: 'SUCCESS' }, { state: 'PAID' }), 'closed'],
    ['it has failed', owner, aTopup({ status: 'FAILED' }), 'closed'],
    ['it has failed, and is wanted cancelled', owner, aTopup({ status: 'FAILED', isCancelRequested: true }), 'closed'],

    ['the payer can pay', asking, aTopup(), 'payable'],
    ['the payer can pay for a while yet', asking, aTopup({}, { isExpired: true }), 'payable'],
    ['the payer can pay, an hour later', asking, aTopup({ isOld: true, isOverdue: true }), 'payable'],
    ['its owner may still be asking', asking, aTopup({}, requested), 'payable'],
    ['its owner has asked, and did not come back', asking, aTopup({ isOld: true }, requested), 'abandoned'],
    ['its time is over', asking, aTopup({}, { isOver: true }), 'abandoned'],
    ['no attempt is alive', asking, aTopup({}, dead('failed')), 'abandoned'],
    ['its owner wants it cancelled', asking, aTopup({ isCancelRequested: true }), 'unwanted'],
    ['it has been cancelled, its attempt has not', asking, aTopup({ status: 'CANCELLED' }), 'surplus'],
    ['its attempt has been posted', asking, aTopup({ status: 'SUCCESS' }, { state: 'PAID' }), 'posted'],
    ['there is a later attempt', asking, aTopup({}, { isLatest: false }), 'observed'],
    ['another process works on it', without, aTopup(), 'observed'],
    ['another process works on what is posted', without, aTopup({}, { state: 'PAID' }), 'posted'],
  ])('%s', (_what, view, topup, state) => {
    expect(stateOf(topup, view)).toBe(state);
  });
});

/** `paid` after an inquiry is `inquire paid`; a step reads as the table of the README does. */
type Line = [State, happened: string, step: string, topup?: Topup, canCancel?: boolean];

const young = aTopup({}, requested);
const wanted = aTopup({ isCancelRequested: true });
const lines: Line[] = [
  // The owner asks where to pay.
  ['unsent', 'look', 'ask request'],
  ['unsent', 'request accepted', 'answer accepted'],
  ['unsent', 'request refused', 'dead refused, post FAILED'],
  ['unsent', 'request unknown', 'ask look'],

  ['unanswered', 'look', 'ask inquire'],
  ['unanswered', 'inquire unknown', 'answer unknown'],
  ['unanswered', 'inquire paid', 'post SUCCESS'],
  ['unanswered', 'inquire refunded', 'answer unknown'],
  ['unanswered', 'inquire pending', 'ask cancel (its answer was lost)'],
  ['unanswered', 'inquire pending', 'answer unknown', young, false],
  ['unanswered', 'inquire cancelled', 'dead given_up, ask look'],
  ['unanswered', 'inquire failed', 'dead failed, ask look'],
  ['unanswered', 'inquire not_found', 'now resent, ask request'],
  ['unanswered', 'inquire not_found', 'answer unknown', aTopup({}, { ...requested, isExpired: true })],
  ['unanswered', 'inquire not_found', 'dead not_found, ask look', aTopup({}, { ...requested, isOver: true })],
  ['unanswered', 'cancel cancelled', 'dead given_up, ask look'],
  ['unanswered', 'cancel already_paid', 'ask look'],
  ['unanswered', 'cancel already_failed', 'dead failed, ask look'],
  ['unanswered', 'cancel not_found', 'answer unknown'],
  ['unanswered', 'cancel refused', 'answer unknown'],
  ['unanswered', 'cancel unknown', 'answer unknown'],

  ['resent', 'request accepted', 'answer accepted'],
  ['resent', 'request refused', 'ask inquire'],
  ['resent', 'request unknown', 'ask look'],
  ['resent', 'inquire unknown', 'answer unknown'],
  ['resent', 'inquire paid', 'post SUCCESS'],
  ['resent', 'inquire refunded', 'answer unknown'],
  ['resent', 'inquire pending', 'ask cancel (its answer was lost)'],
  ['resent', 'inquire pending', 'answer unknown', young, false],
  ['resent', 'inquire cancelled', 'dead given_up, ask look'],
  ['resent', 'inquire failed', 'dead failed, ask look'],
  ['resent', 'inquire not_found', 'dead refused, post FAILED'],
  ['resent', 'cancel cancelled', 'dead given_up, ask look'],
  ['resent', 'cancel already_paid', 'ask look'],
  ['resent', 'cancel already_failed', 'dead failed, ask look'],
  ['resent', 'cancel not_found', 'answer unknown'],
  ['resent', 'cancel refused', 'answer unknown'],
  ['resent', 'cancel unknown', 'answer unknown'],

  ['unattempted', 'look', 'add'],
  ['unattempted', 'add added', 'now unsent, ask request'],
  ['unattempted', 'add not_added', 'ask look'],

  ['closed', 'look', 'answer ended'],

  // Somebody asks what became of it.
  ['payable', 'look', 'ask inquire'],
  ['payable', 'inquire unknown', 'answer unknown'],
  ['payable', 'inquire paid', 'post SUCCESS'],
  ['payable', 'inquire refunded', 'find refunded, dead refunded, post FAILED'],
  ['payable', 'inquire refunded', 'find refunded, dead refunded, answer pending', young],
  ['payable', 'inquire pending', 'answer pending'],
  ['payable', 'inquire cancelled', 'dead cancelled, post CANCELLED'],
  ['payable', 'inquire cancelled', 'dead cancelled, answer pending', young],
  ['payable', 'inquire failed', 'dead failed, post FAILED'],
  ['payable', 'inquire failed', 'dead failed, answer pending', young],
  ['payable', 'inquire not_found', 'answer pending'],

  ['unwanted', 'look', 'ask cancel (cancelled by the customer)', wanted],
  ['unwanted', 'look', 'ask inquire', wanted, false],
  ['unwanted', 'cancel cancelled', 'dead cancelled, post CANCELLED', wanted],
  ['unwanted', 'cancel already_paid', 'ask inquire', wanted],
  ['unwanted', 'cancel already_failed', 'ask inquire', wanted],
  ['unwanted', 'cancel not_found', 'ask inquire', wanted],
  ['unwanted', 'cancel refused', 'ask inquire', wanted],
  ['unwanted', 'cancel unknown', 'ask inquire', wanted],
  ['unwanted', 'inquire unknown', 'answer unknown', wanted],
  ['unwanted', 'inquire paid', 'post SUCCESS', wanted],
  ['unwanted', 'inquire refunded', 'find refunded, dead refunded, post FAILED', wanted],
  ['unwanted', 'inquire pending', 'answer pending', wanted],
  ['unwanted', 'inquire cancelled', 'dead cancelled, post CANCELLED', wanted],
  ['unwanted', 'inquire failed', 'dead failed, post FAILED', wanted],
  ['unwanted', 'inquire not_found', 'answer pending', wanted],
  ['unwanted', 'inquire not_found', 'dead not_found, post CANCELLED', aTopup(wanted, { isOver: true })],
  // A dead attempt keeps the end that it has.
  ['unwanted', 'inquire not_found', 'dead not_found, post CANCELLED', aTopup(wanted, dead('given_up'))],
  ['unwanted', 'inquire not_found', 'dead not_found, post FAILED', aTopup(wanted, dead('refused'))],
  ['unwanted', 'cancel cancelled', 'dead cancelled, post FAILED', aTopup(wanted, dead('failed'))],
  ['unwanted', 'inquire refunded', 'find refunded, dead refunded, post FAILED', aTopup(wanted, dead('cancelled'))],

  ['abandoned', 'look', 'ask cancel (not needed any more)'],
  ['abandoned', 'look', 'ask inquire', aTopup(), false],
  ['abandoned', 'cancel cancelled', 'dead given_up, post FAILED'],
  ['abandoned', 'cancel cancelled', 'dead given_up, answer pending', young],
  ['abandoned', 'cancel cancelled', 'dead given_up, post CANCELLED', aTopup({}, dead('cancelled'))],
  ['abandoned', 'cancel already_paid', 'ask inquire'],
  ['abandoned', 'cancel already_failed', 'ask inquire'],
  ['abandoned', 'cancel not_found', 'ask inquire'],
  ['abandoned', 'cancel refused', 'ask inquire'],
  ['abandoned', 'cancel unknown', 'ask inquire'],
  ['abandoned', 'inquire unknown', 'answer unknown'],
  ['abandoned', 'inquire paid', 'post SUCCESS'],
  ['abandoned', 'inquire refunded', 'find refunded, dead refunded, post FAILED'],
  ['abandoned', 'inquire pending', 'answer pending'],
  ['abandoned', 'inquire cancelled', 'dead given_up, post FAILED'],
  ['abandoned', 'inquire cancelled', 'dead cancelled, post CANCELLED', aTopup(), false],
  ['abandoned', 'inquire failed', 'dead failed, post FAILED'],
  ['abandoned', 'inquire not_found', 'answer pending', aTopup({ isOld: true }, requested)],
  ['abandoned', 'inquire not_found', 'dead not_found, post FAILED', aTopup({ isOld: true }, { isOver: true })],

  ['surplus', 'look', 'ask cancel (not needed any more)'],
  ['surplus', 'look', 'ask inquire', aTopup({ status: 'FAILED' }), false],
  ['surplus', 'cancel cancelled', 'dead given_up, answer ended', aTopup({ status: 'FAILED' })],
  ['surplus', 'cancel already_paid', 'ask inquire'],
  ['surplus', 'cancel already_failed', 'ask inquire'],
  ['surplus', 'cancel not_found', 'ask inquire'],
  ['surplus', 'cancel refused', 'ask inquire'],
  ['surplus', 'cancel unknown', 'ask inquire'],
  ['surplus', 'inquire unknown', 'answer unknown'],
  ['surplus', 'inquire paid', 'post SUCCESS', aTopup({ status: 'CANCELLED' })],
  ['surplus', 'inquire refunded', 'find refunded, dead refunded, answer ended', aTopup({ status: 'FAILED' })],
  ['surplus', 'inquire pending', 'answer pending', aTopup({ status: 'FAILED' })],
  ['surplus', 'inquire cancelled', 'dead given_up, answer ended', aTopup({ status: 'FAILED' })],
  ['surplus', 'inquire failed', 'dead failed, answer ended', aTopup({ status: 'FAILED' })],
  ['surplus', 'inquire not_found', 'answer pending', aTopup({ status: 'FAILED' })],
  ['surplus', 'inquire not_found', 'dead not_found, answer ended', aTopup({ status: 'FAILED' }, { isOver: true })],

  ['posted', 'look', 'ask inquire'],
  ['posted', 'inquire unknown', 'answer unknown'],
  ['posted', 'inquire refunded', 'find refunded, answer ended'],
  ['posted', 'inquire paid', 'answer ended'],
  ['posted', 'inquire pending', 'answer ended'],
  ['posted', 'inquire cancelled', 'answer ended'],
  ['posted', 'inquire failed', 'answer ended'],
  ['posted', 'inquire not_found', 'answer ended'],

  ['observed', 'look', 'ask inquire'],
  ['observed', 'inquire unknown', 'answer unknown'],
  ['observed', 'inquire paid', 'post SUCCESS'],
  ['observed', 'inquire refunded', 'find refunded, answer pending'],
  ['observed', 'inquire refunded', 'find refunded, answer ended', aTopup({ status: 'FAILED' })],
  ['observed', 'inquire pending', 'answer pending'],
  ['observed', 'inquire cancelled', 'answer pending'],
  ['observed', 'inquire cancelled', 'answer ended', aTopup({ status: 'SUCCESS' })],
  ['observed', 'inquire failed', 'answer pending'],
  ['observed', 'inquire not_found', 'answer pending'],
];

const postings: [string, string, Topup?][] = [
  ['credited', 'write paid, answer ended'],
  ['in_suspense', 'find in_suspense, write paid, answer ended'],
  ['already_settled', 'find forgotten, answer ended'],
  ['paid_before', 'post SUSPENSE'],
  ['set_aside', 'find paid_twice, write paid, answer ended'],
  ['other_currency', 'find other_currency, answer pending'],
  ['other_currency', 'find other_currency, answer ended', aTopup({ status: 'FAILED' })],
  ['lease_lost', 'answer pending'],
];

const STATES = [...new Set(lines.map(([state]) => state))];
const HAPPENINGS = [
  'look',
  ...['added', 'not_added'].map((name) => `add ${name}`),
  ...['accepted', 'refused', 'unknown'].map((name) => `request ${name}`),
  ...['unknown', 'paid', 'refunded', 'pending', 'cancelled', 'failed', 'not_found'].map((name) => `inquire ${name}`),
  ...['cancelled', 'already_paid', 'already_failed', 'not_found', 'refused', 'unknown'].map((name) => `cancel ${name}`),
];

function stepAfter(state: State, happened: string, topup = aTopup(), canCancel = true): Step {
  const [what, name] = happened.split(' ');
  return decide(state, { after: what, name } as Happening, { topup, canCancel });
}

function inWords({ find, write, state, add, post, ask, reason, answer }: Step): string {
  return [
    find && `find ${find}`,
    write && (write === 'paid' ? 'write paid' : `dead ${write.dead}`),
    state && `now ${state}`,
    add && 'add',
    post && `post ${post}`,
    ask && `ask ${ask}${reason ? ` (${reason})` : ''}`,
    answer && `answer ${answer}`,
  ]
    .filter(Boolean)
    .join(', ');
}

describe('a top-up that is', () => {
  // A parameter without a default would be taken for Jest's callback in the rows that leave it out.
  test.each(lines)('%s, after %s: %s', (state, happened, step, topup = aTopup(), canCancel = true) => {
    expect(inWords(stepAfter(state, happened, topup, canCancel))).toBe(step);
  });

  test('in any state has no other rows than these', () => {
    const tested = new Set(lines.map(([state, happened]) => `${state}: ${happened}`));
    const planned = STATES.flatMap((state) =>
      HAPPENINGS.filter((happened) => {
        try {
          return stepAfter(state, happened);
        } catch {
          return false;
        }
      }).map((happened) => `${state}: ${happened}`),
    );
    expect(planned.sort()).toEqual([...tested].sort());
  });

  test('in a state without a plan for what has happened stops the work', () => {
    expect(() => stepAfter('closed', 'inquire paid')).toThrow('nothing is planned for a top-up that is closed');
  });
});

describe('after posting, in every state:', () => {
  test.each(postings)('%s: %s', (name, step, topup = aTopup()) => {
    for (const state of STATES) expect(inWords(stepAfter(state, `post ${name}`, topup))).toBe(step);
  });

  test('a top-up that has ended without money is refused where the provider has refused it, and ended elsewhere', () => {
    for (const state of STATES) {
      const answer = state === 'unsent' || state === 'resent' ? 'refused' : 'ended';
      expect(inWords(stepAfter(state, 'post closed'))).toBe(`answer ${answer}`);
    }
  });
});

describe('in every state', () => {
  const everywhere = STATES.flatMap((state) =>
    lines.flatMap(([from, happened, , topup, canCancel]) =>
      from === state ? [{ state, happened, step: stepAfter(state, happened, topup, canCancel) }] : [],
    ),
  );

  test('an unknown answer is no failure: nothing is written, posted or found, and the owner is told that it is unknown', () => {
    const unknown = everywhere.filter(({ happened }) => happened.endsWith(' unknown'));
    expect(unknown.length).toBeGreaterThan(STATES.length);
    for (const { step } of unknown) {
      expect([step.write, step.post, step.find]).toEqual([undefined, undefined, undefined]);
      expect(['unknown', undefined]).toContain(step.answer);
    }
  });

  test('a step ends in exactly one of: add, post, ask, answer', () => {
    for (const { step } of everywhere) {
      expect([step.add, step.post, step.ask, step.answer].filter(Boolean)).toHaveLength(1);
    }
  });

  test('CANCELLED and FAILED follow a word of the provider, and the attempt is dead before', () => {
    for (const { happened, step } of everywhere) {
      if (step.post !== 'CANCELLED' && step.post !== 'FAILED') continue;
      expect(happened).toMatch(/ (cancelled|failed|refused|refunded|not_found)$/);
      expect(step.write).toMatchObject({ dead: expect.any(String) });
    }
  });
});
