import { describe, expect, test } from '@jest/globals';
import { type Decision, decide, type State } from '../../../shared/ledger/decide.ts';
import { legId, newOperationId } from '../../../shared/ledger/ids.ts';
import type { Account, Decided, Leg, Movement, Posting, SeenKey } from '../../../shared/ledger/posting.ts';

const now = new Date('2026-11-20T00:00:00Z');
const respond = () => ({ answer: { status: 201, body: '{}' } });

function account(id: string, more: Partial<Account> = {}): Account {
  const kind = more.kind ?? 'PERSON';
  const person = kind !== 'SYSTEM';
  return {
    id,
    userId: person ? id : null,
    kind,
    status: 'ACTIVE',
    currency: 'IDR',
    balance: 0n,
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
    open: new Map(),
    now,
    ...more,
  };
}

let keys = 0;
function posting(movement: Movement, key = `key ${++keys}`, request = '{}', accountId = 'ada'): Posting {
  return { key: { accountId, key, function: 'pay', request }, operationId: newOperationId(), movement, respond };
}

function transfer(debit: string, credit: string, amount: bigint): Movement {
  return { name: 'transfer', type: 'PAYMENT', debit, credit, amount, currency: 'IDR' };
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

test('the state that was handed in stays as it was', () => {
  const before = state();
  decide(before, [posting(transfer('ada', 'grace', 60n))]);
  expect(before.accounts.get('ada')).toEqual(ada);
});

describe('a repeated key', () => {
  const kept: SeenKey = {
    function: 'pay',
    request: '{"amount":"1.00"}',
    operationId: 'earlier',
    answer: { status: 201, body: '{}' },
  };

  test('has the first answer again', () => {
    const { decisions, accounts } = decide(state({ keys: new Map([['ada/k', kept]]) }), [
      posting(transfer('ada', 'grace', 1n), 'k', kept.request),
    ]);
    expect(decisions).toEqual([{ repeats: kept }]);
    expect(accounts.size).toBe(0);
  });

  test('with another request is refused and says what the first was', () => {
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
    const running = { ...kept, answer: null };
    const mine = posting(transfer('ada', 'grace', 1n), 'k', kept.request);
    expect(outcomes(decide(state({ keys: new Map([['ada/k', running]]) }), [mine]).decisions)).toEqual([
      'key_in_progress',
    ]);
    const own = { ...running, operationId: mine.operationId };
    expect(decide(state({ keys: new Map([['ada/k', own]]) }), [mine]).decisions).toEqual([{ repeats: own }]);
  });

  test('within one batch repeats the first, also when that was refused', () => {
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
    ...posting({ name: 'open', type: 'TOPUP', credit: 'ada', amount: 50n, currency: 'IDR', paymentMethod: 'GOPAY' }),
    operationId,
  };
  const settlement = (status: 'SUCCESS' | 'FAILED' | 'CANCELLED', paid = 50n, holder = 'ada'): Movement => ({
    name: 'settle',
    operationId,
    account: holder,
    status,
    paid,
    clearing: 'clearing',
    suspense: 'suspense',
  });
  const pending = (decide(state(), [opening]).decisions[0] as Decided).legs[0] as Leg;
  const opened = state({ open: new Map([[operationId, pending]]) });

  test('opens PENDING and moves nothing', () => {
    expect(pending).toMatchObject({
      id: legId(operationId, 2),
      status: 'PENDING',
      balanceBefore: 100n,
      balanceAfter: 100n,
      legNumber: 8n,
    });
  });

  test('is paid from the clearing account and takes a new number', () => {
    const { decisions, accounts } = decide(opened, [posting(settlement('SUCCESS'))]);
    expect(outcomes(decisions)).toEqual(['posted']);
    expect((decisions[0] as Decided).legs).toMatchObject([
      { id: legId(operationId, 1), accountId: 'clearing', direction: 'DEBIT', balanceAfter: -50n },
      { id: pending.id, status: 'SUCCESS', balanceBefore: 100n, balanceAfter: 150n, legNumber: 8n },
    ]);
    expect(accounts.get('ada')?.balance).toBe(150n);
  });

  test('is settled once, also within one batch', () => {
    const { decisions, accounts } = decide(opened, [posting(settlement('SUCCESS')), posting(settlement('SUCCESS'))]);
    expect(outcomes(decisions)).toEqual(['posted', 'already_settled']);
    expect(accounts.get('ada')?.balance).toBe(150n);
  });

  test('that was given up is settled all the same when it turns out to be paid', () => {
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

  test('into a wallet that was closed meanwhile goes to the suspense account', () => {
    const gone = { ...ada, status: 'CLOSED' as const };
    const { decisions } = decide({ ...opened, accounts: new Map([...opened.accounts, ['ada', gone]]) }, [
      posting(settlement('SUCCESS')),
    ]);
    expect(outcomes(decisions)).toEqual(['posted_to_suspense']);
  });

  test('of somebody else is not found', () => {
    expect(outcomes(decide(opened, [posting(settlement('SUCCESS', 50n, 'grace'))]).decisions)).toEqual([
      'transaction_not_found',
    ]);
  });
});
