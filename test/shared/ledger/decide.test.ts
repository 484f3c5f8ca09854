import { describe, expect, test } from '@jest/globals';
import { type Decision, decide, isKept, type State } from '../../../shared/ledger/rules/decide.ts';
import { legId, newOperationId } from '../../../shared/ledger/rules/ids.ts';
import type { Account, Decided, Leg, Movement, Posting, SeenKey } from '../../../shared/ledger/rules/words.ts';
import { money } from '../../../shared/money.ts';

const now = new Date('2026-11-20T00:00:00Z');
const record = () => ({ data: {} });

function account(id: string, more: Partial<Account> = {}): Account {
  const kind = more.kind ?? 'PERSON';
  const person = kind !== 'SYSTEM';
  return {
    id,
    userId: person ? id : null,
    kind,
    status: 'ACTIVE',
    currency: 'IDR',
    verified: false,
    balance: 0n,
    held: 0n,
    pending: 0n,
    incoming: 0n,
    version: 0n,
    ...more,
  };
}

const ada = account('ada', { balance: 100n, version: 7n });
const grace = account('grace', { kind: 'MERCHANT' });
const full = account('full', { balance: 999_999_999_999_950n });
const suspended = account('suspended', { status: 'SUSPENDED', balance: 100n });
const closed = account('closed', { status: 'CLOSED', balance: 0n });
const yuki = account('yuki', { currency: 'JPY' });
const clearing = account('clearing', { kind: 'SYSTEM' });
const suspense = account('suspense', { kind: 'SYSTEM' });
const everybody = [ada, grace, full, suspended, closed, yuki, clearing, suspense];

function state(more: Partial<State> = {}): State {
  return {
    accounts: new Map(everybody.map((each) => [each.id, each])),
    keys: new Map(),
    legs: new Map(),
    holds: new Map(),
    refunds: new Map(),
    limits: { UNVERIFIED: {}, VERIFIED: {} },
    freezes: { all: false, accounts: new Set(), functions: new Set() },
    now,
    ...more,
  };
}

let keys = 0;
function posting(movement: Movement, key = `key ${++keys}`, request = '{}', accountId = 'ada'): Posting {
  return { key: { accountId, key, function: 'pay', request }, operationId: newOperationId(), movement, record };
}

/** The whole amount unless given. */
function part(amount: bigint | undefined) {
  return amount === undefined ? undefined : money(amount);
}

function transfer(from: string, to: string, amount: bigint): Movement {
  return { name: 'transfer', type: 'PAYMENT', from, to, amount: money(amount), currency: 'IDR' };
}

/** The state after a posting, and its legs. */
function afterwards(before: State, each: Posting): { state: State; legs: readonly Leg[] } {
  const { decisions, accounts } = decide(before, [each]);
  const { legs, hold, refund } = decisions[0] as Decided;
  const next: State = {
    ...before,
    accounts: new Map([...before.accounts, ...accounts]),
    legs: new Map([...before.legs, ...legs.map((leg) => [leg.id, leg] as const)]),
    holds: new Map([...before.holds, ...(hold ? [[hold.operationId, hold] as const] : [])]),
    refunds: new Map([...before.refunds, ...(refund ? [[refund.operationId, refund] as const] : [])]),
  };
  return { state: next, legs };
}

function outcomes(decisions: readonly Decision[]) {
  return decisions.map((decision) => ('outcome' in decision ? decision.outcome : 'repeats'));
}

describe('a transfer ends in the first of these that applies', () => {
  test.each([
    ['ada', 'ada', 1n, 'same_account'],
    ['nobody', 'no one', 1n, 'account_not_found'],
    ['closed', 'no one', 1n, 'payee_not_found'],
    ['closed', 'clearing', 1n, 'payee_not_found'],
    ['closed', 'suspended', 1n, 'account_closed'],
    ['suspended', 'closed', 1n, 'account_suspended'],
    ['ada', 'suspended', 101n, 'payee_unavailable'],
    ['ada', 'closed', 101n, 'payee_unavailable'],
    ['ada', 'yuki', 101n, 'currency_mismatch'],
    ['ada', 'full', 101n, 'insufficient_funds'],
    ['ada', 'full', 50n, 'balance_too_large'],
    ['ada', 'grace', 101n, 'insufficient_funds'],
    ['ada', 'grace', 100n, 'posted'],
    ['clearing', 'grace', 1_000n, 'posted'],
  ] as const)('%s to %s, %s: %s', (debit, credit, amount, outcome) => {
    expect(outcomes(decide(state(), [posting(transfer(debit, credit, amount))]).decisions)).toEqual([outcome]);
  });
});

test('both legs of a transfer carry the balances before and after, and the next number of their account', () => {
  const { decisions, accounts } = decide(state(), [posting(transfer('ada', 'grace', 40n))]);
  const [debit, credit] = (decisions[0] as Decided).legs;
  expect(debit).toMatchObject({
    accountId: 'ada',
    direction: 'DEBIT',
    balanceBefore: 100n,
    balanceAfter: 60n,
    legNumber: 8n,
  });
  expect(credit).toMatchObject({
    accountId: 'grace',
    direction: 'CREDIT',
    balanceBefore: 0n,
    balanceAfter: 40n,
    legNumber: 1n,
  });
  expect(accounts.get('ada')).toMatchObject({ balance: 60n, version: 8n });
  expect(accounts.get('grace')).toMatchObject({ balance: 40n, version: 1n });
});

test('postings of one batch are decided in order of arrival against what the earlier ones left', () => {
  const { decisions, accounts } = decide(state(), [
    posting(transfer('ada', 'grace', 60n)),
    posting(transfer('ada', 'grace', 60n)),
    posting(transfer('grace', 'ada', 30n)),
    posting(transfer('ada', 'grace', 60n)),
  ]);
  expect(outcomes(decisions)).toEqual(['posted', 'insufficient_funds', 'posted', 'posted']);
  expect([accounts.get('ada')?.balance, accounts.get('grace')?.balance]).toEqual([10n, 90n]);
  expect([accounts.get('ada')?.version, accounts.get('grace')?.version]).toEqual([10n, 3n]);
});

test('the given state is not changed', () => {
  const before = state();
  decide(before, [posting(transfer('ada', 'grace', 60n))]);
  expect(before.accounts.get('ada')).toEqual(ada);
});

describe('a repeated key', () => {
  const kept: SeenKey = {
    function: 'pay',
    request: '{"amount":"1.00"}',
    operationId: 'earlier',
    result: { data: {} },
  };

  test('has the first result again', () => {
    const { decisions, accounts } = decide(state({ keys: new Map([['ada/k', kept]]) }), [
      posting(transfer('ada', 'grace', 1n), 'k', kept.request),
    ]);
    expect(decisions).toEqual([{ repeats: kept }]);
    expect(accounts.size).toBe(0);
  });

  test('with another request is refused with the first request', () => {
    const { decisions } = decide(state({ keys: new Map([['ada/k', kept]]) }), [
      posting(transfer('ada', 'grace', 2n), 'k', '{"amount":"2.00"}'),
    ]);
    expect(decisions[0]).toMatchObject({ outcome: 'key_reused', first: { function: 'pay', request: kept.request } });
  });

  test('of another account is another key', () => {
    const { decisions } = decide(state({ keys: new Map([['grace/k', kept]]) }), [
      posting(transfer('ada', 'grace', 1n), 'k', kept.request),
    ]);
    expect(outcomes(decisions)).toEqual(['posted']);
  });

  test('whose first request still runs is in progress, unless the operation is our own', () => {
    const running = { ...kept, result: null };
    const mine = posting(transfer('ada', 'grace', 1n), 'k', kept.request);
    expect(outcomes(decide(state({ keys: new Map([['ada/k', running]]) }), [mine]).decisions)).toEqual([
      'key_in_progress',
    ]);
    const own = { ...running, operationId: mine.operationId };
    expect(decide(state({ keys: new Map([['ada/k', own]]) }), [mine]).decisions).toEqual([{ repeats: own }]);
  });

  test('within one batch repeats the first, even when that was refused', () => {
    const { decisions } = decide(state(), [
      posting(transfer('ada', 'grace', 60n), 'k'),
      posting(transfer('ada', 'grace', 60n), 'k'),
      posting(transfer('ada', 'grace', 500n), 'l'),
      posting(transfer('ada', 'grace', 500n), 'l'),
      posting(transfer('ada', 'grace', 1n), 'l', '{"other":true}'),
    ]);
    expect(decisions[1]).toEqual({ repeatsPosting: 0 });
    expect(decisions[3]).toEqual({ repeatsPosting: 2 });
    expect(outcomes(decisions)).toEqual(['posted', 'repeats', 'insufficient_funds', 'repeats', 'key_reused']);
  });
});

describe('a top-up', () => {
  const operationId = newOperationId();
  const opening: Posting = {
    ...posting({ name: 'open', type: 'TOPUP', to: 'ada', amount: money(50n), currency: 'IDR', paymentMethod: 'GOPAY' }),
    operationId,
  };
  const settlement = (status: 'SUCCESS' | 'FAILED' | 'CANCELLED', paid = 50n, holder = 'ada'): Movement => ({
    name: 'settle',
    operationId,
    account: holder,
    status,
    paid: money(paid),
    clearing: 'clearing',
    suspense: 'suspense',
  });
  const { state: opened, legs } = afterwards(state(), opening);
  const [pending] = legs as [Leg];

  test('opens PENDING and moves nothing', () => {
    expect(pending).toMatchObject({
      id: legId(operationId, 2),
      status: 'PENDING',
      balanceBefore: 100n,
      balanceAfter: 100n,
      legNumber: 8n,
    });
    expect(opened.accounts.get('ada')).toMatchObject({ balance: 100n, pending: 50n, incoming: 0n });
  });

  test('is paid from the clearing account and takes a new number', () => {
    const { decisions, accounts } = decide(opened, [posting(settlement('SUCCESS'))]);
    expect(outcomes(decisions)).toEqual(['posted']);
    expect((decisions[0] as Decided).legs).toMatchObject([
      { id: legId(operationId, 1), accountId: 'clearing', direction: 'DEBIT', balanceAfter: -50n },
      { id: pending.id, status: 'SUCCESS', balanceBefore: 100n, balanceAfter: 150n, legNumber: 9n },
    ]);
    expect(accounts.get('ada')).toMatchObject({ balance: 150n, pending: 0n, incoming: 50n });
  });

  test('is settled once, also within one batch', () => {
    const { decisions, accounts } = decide(opened, [posting(settlement('SUCCESS')), posting(settlement('SUCCESS'))]);
    expect(outcomes(decisions)).toEqual(['posted', 'already_settled']);
    expect(accounts.get('ada')?.balance).toBe(150n);
  });

  test('that was given up is still settled when it was paid', () => {
    const { decisions } = decide(opened, [
      posting(settlement('CANCELLED')),
      posting(settlement('FAILED')),
      posting(settlement('SUCCESS')),
    ]);
    expect(outcomes(decisions)).toEqual(['posted', 'already_settled', 'posted']);
  });

  test('of another amount than agreed goes to the suspense account', () => {
    const { decisions, accounts } = decide(opened, [posting(settlement('SUCCESS', 49n))]);
    expect(outcomes(decisions)).toEqual(['posted_to_suspense']);
    expect((decisions[0] as Decided).legs.map(({ accountId, status }) => [accountId, status])).toEqual([
      ['clearing', 'SUCCESS'],
      ['ada', 'FAILED'],
      ['suspense', 'SUCCESS'],
    ]);
    expect([accounts.get('ada')?.balance, accounts.get('suspense')?.balance]).toEqual([100n, 49n]);
  });

  test('whose money lies in suspense is not paid a second time, by any key', () => {
    const suspended = posting(settlement('SUCCESS', 49n));
    const { decisions, accounts } = decide(opened, [suspended, posting(settlement('SUCCESS'))]);
    expect(outcomes(decisions)).toEqual(['posted_to_suspense', 'already_settled']);
    expect(accounts.get('clearing')?.balance).toBe(-49n);
    const later = afterwards(opened, suspended).state;
    expect(outcomes(decide(later, [posting(settlement('SUCCESS'))]).decisions)).toEqual(['already_settled']);
  });

  test('into a wallet that was closed meanwhile goes to the suspense account', () => {
    const given = afterwards(opened, posting(settlement('CANCELLED'))).state;
    const gone = { ...ada, balance: 0n, status: 'CLOSED' as const };
    const { decisions } = decide({ ...given, accounts: new Map([...given.accounts, ['ada', gone]]) }, [
      posting(settlement('SUCCESS')),
    ]);
    expect(outcomes(decisions)).toEqual(['posted_to_suspense']);
  });

  test('of another user is not found', () => {
    expect(outcomes(decide(opened, [posting(settlement('SUCCESS', 50n, 'grace'))]).decisions)).toEqual([
      'transaction_not_found',
    ]);
  });
});

describe('a hold', () => {
  const hold = (amount = 60n, to = 'grace'): Movement => ({
    name: 'hold',
    type: 'PAYMENT',
    from: 'ada',
    to,
    amount: money(amount),
    currency: 'IDR',
    expiresInSeconds: 60,
  });
  const holding = posting(hold());
  const { operationId } = holding;
  const { state: held, legs } = afterwards(state(), holding);
  const between = { operationId, from: 'ada', to: 'grace' };
  const capture = (amount?: bigint): Movement => ({ name: 'capture', ...between, amount: part(amount) });
  const release = (why: 'voided' | 'expired' = 'voided'): Movement => ({ name: 'release', ...between, why });
  const expired = { ...held, now: new Date(now.getTime() + 60_000) };
  const decideOne = (from: State, movement: Movement) => decide(from, [posting(movement)]);

  test('is not settled as if it were a top-up', () => {
    for (const status of ['SUCCESS', 'FAILED'] as const) {
      const settlement = { account: 'grace', status, clearing: 'clearing', suspense: 'suspense' } as const;
      const { decisions } = decideOne(held, { name: 'settle', operationId, paid: money(60n), ...settlement });
      expect(outcomes(decisions)).toEqual(['already_settled']);
    }
  });

  test('moves nothing, and held money is not available', () => {
    expect(legs).toMatchObject([
      { accountId: 'ada', direction: 'DEBIT', status: 'PENDING', balanceAfter: 100n },
      { accountId: 'grace', direction: 'CREDIT', status: 'PENDING', balanceAfter: 0n },
    ]);
    expect(held.accounts.get('ada')).toMatchObject({ balance: 100n, held: 60n });
    expect(held.accounts.get('grace')).toMatchObject({ balance: 0n, pending: 60n });
    expect(outcomes(decideOne(held, transfer('ada', 'grace', 41n)).decisions)).toEqual(['insufficient_funds']);
    expect(outcomes(decideOne(held, transfer('ada', 'grace', 40n)).decisions)).toEqual(['posted']);
    expect(outcomes(decideOne(held, hold(41n)).decisions)).toEqual(['insufficient_funds']);
  });

  test.each([
    [undefined, 60n, 40n],
    [60n, 60n, 40n],
    [1n, 1n, 99n],
  ])('is captured once, here %s of it; the rest is free', (amount, moved, left) => {
    const { decisions, accounts } = decide(held, [posting(capture(amount)), posting(capture(amount))]);
    expect(outcomes(decisions)).toEqual(['posted', 'already_settled']);
    expect((decisions[0] as Decided).legs).toMatchObject([
      { id: legId(operationId, 1), status: 'SUCCESS', amount: moved, balanceBefore: 100n, balanceAfter: left },
      { id: legId(operationId, 2), status: 'SUCCESS', amount: moved, balanceBefore: 0n, balanceAfter: moved },
    ]);
    expect(accounts.get('ada')).toMatchObject({ balance: left, held: 0n });
    expect(accounts.get('grace')).toMatchObject({ balance: moved, pending: 0n });
    expect((decisions[0] as Decided).hold).toMatchObject({ captured: moved, endedAt: now });
  });

  test('is not captured beyond its amount, nor after its time', () => {
    const { decisions } = decideOne(held, capture(61n));
    expect(decisions).toMatchObject([{ outcome: 'capture_too_large', bound: { value: 60n, left: 60n } }]);
    expect(outcomes(decideOne(expired, capture()).decisions)).toEqual(['hold_expired']);
  });

  test.each(['voided', 'expired'] as const)('that is %s moves nothing and frees the money', (why) => {
    const { decisions, accounts } = decide(expired, [posting(release(why)), posting(capture()), posting(release(why))]);
    expect(outcomes(decisions)).toEqual(['posted', 'already_settled', 'already_settled']);
    expect((decisions[0] as Decided).legs).toMatchObject([
      { status: 'CANCELLED', amount: 60n, balanceAfter: 100n, legNumber: 9n },
      { status: 'CANCELLED', amount: 60n, balanceAfter: 0n },
    ]);
    expect(accounts.get('ada')).toMatchObject({ balance: 100n, held: 0n });
    expect(accounts.get('grace')).toMatchObject({ pending: 0n });
  });

  test('does not expire before its time', () => {
    expect(() => decideOne(held, release('expired'))).toThrow('not expired');
  });

  test('of a payer who is suspended by now is captured; a suspended payee takes nothing in, but may give up', () => {
    const suspend = (id: string): State => {
      const found = held.accounts.get(id) as Account;
      return { ...held, accounts: new Map([...held.accounts, [id, { ...found, status: 'SUSPENDED' }]]) };
    };
    expect(outcomes(decideOne(suspend('ada'), capture()).decisions)).toEqual(['posted']);
    expect(outcomes(decideOne(suspend('grace'), capture()).decisions)).toEqual(['account_suspended']);
    expect(outcomes(decideOne(suspend('grace'), release()).decisions)).toEqual(['posted']);
  });

  test('between others is not found', () => {
    const others = { ...between, to: 'full' };
    expect(outcomes(decideOne(held, { name: 'capture', ...others, amount: undefined }).decisions)).toEqual([
      'transaction_not_found',
    ]);
  });
});

describe('a refund', () => {
  const paying = posting(transfer('ada', 'grace', 90n));
  const { state: paid } = afterwards(state(), paying);
  const refund = (amount?: bigint, payment = paying.operationId): Movement => ({
    name: 'refund',
    payment,
    from: 'grace',
    to: 'ada',
    amount: part(amount),
  });
  const change = (id: string, more: Partial<Account>): State => {
    const found = paid.accounts.get(id) as Account;
    return { ...paid, accounts: new Map([...paid.accounts, [id, { ...found, ...more }]]) };
  };

  test('gives back in parts, and never more than was paid, also within one batch', () => {
    const { decisions, accounts } = decide(paid, [
      posting(refund(50n)),
      posting(refund(41n)),
      posting(refund(10n)),
      posting(refund()),
      posting(refund()),
    ]);
    expect(outcomes(decisions)).toEqual(['posted', 'refund_too_large', 'posted', 'posted', 'refund_too_large']);
    expect(decisions[1]).toMatchObject({ bound: { value: 90n, left: 40n } });
    expect((decisions[3] as Decided).legs).toMatchObject([
      { accountId: 'grace', type: 'REFUND', direction: 'DEBIT', amount: 30n, refundOf: paying.operationId },
      { accountId: 'ada', type: 'REFUND', direction: 'CREDIT', amount: 30n, refundOf: paying.operationId },
    ]);
    expect([accounts.get('ada')?.balance, accounts.get('grace')?.balance]).toEqual([100n, 0n]);
    expect(accounts.get('ada')?.incoming).toBe(0n);
  });

  test.each([
    ['a suspended payer', change('ada', { status: 'SUSPENDED' }), 'posted'],
    ['a payer whose wallet is full', { ...paid, limits: { UNVERIFIED: { BALANCE: 1n }, VERIFIED: {} } }, 'posted'],
    ['a closed payer', change('ada', { status: 'CLOSED' }), 'payee_unavailable'],
    ['a suspended merchant', change('grace', { status: 'SUSPENDED' }), 'account_suspended'],
    ['a merchant without the money', change('grace', { balance: 89n }), 'insufficient_funds'],
    ['a merchant who holds it for others', change('grace', { held: 1n }), 'insufficient_funds'],
  ] as const)('with %s ends as it must', (_who, from, outcome) => {
    expect(outcomes(decide(from, [posting(refund())]).decisions)).toEqual([outcome]);
  });

  test('of another transaction, of a pending payment, or of a payment between others, is refused', () => {
    const sent = posting({ ...transfer('ada', 'grace', 10n), type: 'TRANSFER' } as Movement);
    const { state: transferred } = afterwards(state(), sent);
    expect(outcomes(decide(transferred, [posting(refund(1n, sent.operationId))]).decisions)).toEqual([
      'not_refundable',
    ]);
    expect(outcomes(decide(paid, [posting({ ...refund(), to: 'full' } as Movement)]).decisions)).toEqual([
      'transaction_not_found',
    ]);
  });
});

describe('limits on e-money', () => {
  const limits = {
    UNVERIFIED: { BALANCE: 150n, MONTHLY_INCOMING: 60n },
    VERIFIED: { BALANCE: 200n, MONTHLY_INCOMING: 100n },
  };
  const rich = account('rich', { kind: 'MERCHANT', balance: 1_000n });
  const limited = (more: Partial<Account> = {}) =>
    state({ limits, accounts: new Map([...state().accounts, ['rich', rich], ['ada', { ...ada, ...more }]]) });

  test.each([
    [{}, 50n, 'posted', undefined],
    [{}, 51n, 'balance_limit', { value: 150n, left: 50n, accountId: 'ada' }],
    [{ pending: 30n }, 21n, 'balance_limit', { value: 150n, left: 20n, accountId: 'ada' }],
    [{ balance: 0n }, 61n, 'incoming_limit', { value: 60n, left: 60n, accountId: 'ada' }],
    [{ balance: 0n, incoming: 20n, pending: 30n }, 11n, 'incoming_limit', { value: 60n, left: 10n, accountId: 'ada' }],
    [{ verified: true }, 100n, 'posted', undefined],
    [{ verified: true }, 101n, 'balance_limit', { value: 200n, left: 100n, accountId: 'ada' }],
    [{ balance: 300n }, 1n, 'balance_limit', { value: 150n, left: 0n, accountId: 'ada' }],
  ] as const)('%j takes in %s: %s', (more, amount, outcome, bound) => {
    const { decisions } = decide(limited(more), [posting(transfer('rich', 'ada', amount))]);
    expect(decisions).toMatchObject([{ outcome, ...(bound && { bound }) }]);
  });

  test('hold for top-ups as well, and not for merchants', () => {
    const opening: Movement = { name: 'open', type: 'TOPUP', to: 'ada', amount: money(51n), currency: 'IDR' };
    expect(outcomes(decide(limited(), [posting(opening)]).decisions)).toEqual(['balance_limit']);
    const paying = decide(limited({ balance: 900n }), [posting(transfer('ada', 'grace', 900n))]);
    expect(outcomes(paying.decisions)).toEqual(['posted']);
  });
});

describe('money that operators have frozen', () => {
  const frozen = (more: Partial<State['freezes']>) =>
    state({ freezes: { all: false, accounts: new Set(), functions: new Set(), ...more } });

  test.each([
    ['everything', { all: true }, ['frozen', 'frozen']],
    ['the function', { functions: new Set(['pay']) }, ['frozen', 'frozen']],
    ['another function', { functions: new Set(['topup']) }, ['posted', 'posted']],
    ['another account', { accounts: new Set(['full']) }, ['posted', 'posted']],
    ['the payee', { accounts: new Set(['grace']) }, ['frozen', 'frozen']],
    ['the payer', { accounts: new Set(['ada']) }, ['frozen', 'posted']],
  ])('stands still: %s', (_what, freezes, expected) => {
    const postings = [
      posting(transfer('ada', 'grace', 1n)),
      posting(transfer('clearing', 'grace', 1n), 'c', '{}', 'grace'),
    ];
    expect(outcomes(decide(frozen(freezes), postings).decisions)).toEqual(expected);
  });

  test('keeps nothing, and lets repeated keys have their results', () => {
    const seen: SeenKey = { function: 'pay', request: '{}', operationId: 'first', result: { data: {} } };
    const postings = [posting(transfer('ada', 'grace', 1n), 'seen'), posting(transfer('ada', 'ada', 1n), 'new')];
    const before = { ...frozen({ all: true }), keys: new Map([['ada/seen', seen]]) };
    expect(outcomes(decide(before, postings).decisions)).toEqual(['repeats', 'frozen']);
    expect(isKept('frozen')).toBe(false);
  });
});
