// Random operations: the requests that clients of the ledger may make in any order, drawn by fast-check, as postings
// that refer to each other. A plan is plain data, so that it can be sent to other processes.

import fc from 'fast-check';
import { newOperationId } from '../../../shared/ledger/rules/ids.ts';
import { SCHEDULE_KEYS } from '../../../shared/ledger/rules/system-accounts.ts';
import type { Decided, Key, Movement, Posting, Recorded } from '../../../shared/ledger/rules/words.ts';
import { type Money, money } from '../../../shared/money.ts';
import { newEvent } from '../../../shared/platform/events/event.ts';
import { GOPAY_CLEARING, GOPAY_SUSPENSE } from '../../setup/gopay-accounts.ts';
import type { Cast, Role } from './roles.ts';

/** A posting without its record. */
export interface Planned {
  key: Key;
  operationId: string;
  movement: Movement;
  /** Its result comes later: until then the key is in progress. */
  running: boolean;
  /** Cannot be written, whatever the decision. */
  isPoison: boolean;
}

/** The acts of operators in between, past the ledger. */
export type Intervention =
  | { does: 'status'; who: Role; status: 'ACTIVE' | 'SUSPENDED' | 'CLOSED' }
  | { does: 'verify'; who: Role }
  | { does: 'freeze'; scope: 'ALL' | 'ACCOUNT' | 'FUNCTION'; who: Role; by: string }
  | { does: 'thaw' }
  | { does: 'expire'; operationId: string };

export type Step = { posting: Planned } | { intervention: Intervention };

type Part = 'all' | 'half' | 'exactly' | 'more';

export type Command =
  | { does: 'transfer' | 'hold' | 'poison'; from: Role; to: Role; amount: Money; type: 'PAYMENT' | 'TRANSFER' }
  | { does: 'open'; to: Role; amount: Money; running: boolean }
  | { does: 'settle'; of: number; status: 'SUCCESS' | 'FAILED' | 'CANCELLED'; differs: boolean; astray: boolean }
  | { does: 'capture' | 'release' | 'refund'; of: number; part: Part; astray: boolean }
  | { does: 'repeat'; of: number; change: 'nothing' | 'not even the operation' | 'request' | 'function' }
  | { does: 'expire'; of: number }
  | Exclude<Intervention, { does: 'expire' }>;

const role = fc.oneof(
  { weight: 10, arbitrary: fc.constantFrom<Role>('ada', 'bob', 'shop') },
  { weight: 6, arbitrary: fc.constantFrom<Role>('eve', 'stall') },
  { weight: 2, arbitrary: fc.constantFrom<Role>('suspended', 'closed', 'foreign', 'nobody', 'clearing') },
);
const wallet = role.filter((each) => each !== 'clearing' && each !== 'nobody');

// The middle amounts are near the people's balances: such an amount is available or not, held or not, within a limit or
// not.
const amount = fc
  .oneof(
    { weight: 12, arbitrary: fc.bigInt(1n, 3_000n) },
    { weight: 12, arbitrary: fc.bigInt(3_000n, 12_000n) },
    { weight: 2, arbitrary: fc.constantFrom(29_999n, 30_000n, 30_001n) },
    { weight: 1, arbitrary: fc.constantFrom(999_999_999_999_998n, 999_999_999_999_999n) },
  )
  .map(money);
const of = fc.nat(1_000_000);
const part = fc.constantFrom<Part>('all', 'half', 'half', 'exactly', 'more');
const astray = fc.integer({ min: 1, max: 20 }).map((drawn) => drawn === 1);
const type = fc.constantFrom('PAYMENT', 'PAYMENT', 'TRANSFER');

const operations = [
  { weight: 30, arbitrary: fc.record({ does: fc.constantFrom('transfer'), from: role, to: role, amount, type }) },
  { weight: 18, arbitrary: fc.record({ does: fc.constantFrom('hold'), from: role, to: role, amount, type }) },
  { weight: 6, arbitrary: fc.record({ does: fc.constantFrom('open'), to: wallet, amount, running: astray }) },
  {
    weight: 8,
    arbitrary: fc.record({
      does: fc.constantFrom('settle'),
      of,
      status: fc.constantFrom('SUCCESS', 'SUCCESS', 'SUCCESS', 'FAILED', 'CANCELLED'),
      differs: astray,
      astray,
    }),
  },
  { weight: 9, arbitrary: fc.record({ does: fc.constantFrom('capture'), of, part, astray }) },
  { weight: 4, arbitrary: fc.record({ does: fc.constantFrom('release'), of, part, astray }) },
  { weight: 16, arbitrary: fc.record({ does: fc.constantFrom('refund'), of, part, astray }) },
  {
    weight: 10,
    arbitrary: fc.record({
      does: fc.constantFrom('repeat'),
      of,
      change: fc.constantFrom('nothing', 'nothing', 'not even the operation', 'request', 'function'),
    }),
  },
] as const;

const poison = {
  weight: 1,
  arbitrary: fc.record({ does: fc.constantFrom('poison'), from: role, to: role, amount, type }),
} as const;

const interventions = [
  {
    weight: 2,
    arbitrary: fc.record({
      does: fc.constantFrom('status'),
      who: wallet,
      status: fc.constantFrom('ACTIVE', 'ACTIVE', 'SUSPENDED', 'CLOSED'),
    }),
  },
  { weight: 1, arbitrary: fc.record({ does: fc.constantFrom('verify'), who: wallet }) },
  {
    weight: 1,
    arbitrary: fc.record({
      does: fc.constantFrom('freeze'),
      scope: fc.constantFrom('ALL', 'ACCOUNT', 'ACCOUNT', 'FUNCTION', 'FUNCTION'),
      who: wallet,
      by: fc.constantFrom('pay', 'refund', 'hold', 'settle-topup'),
    }),
  },
  { weight: 3, arbitrary: fc.record({ does: fc.constantFrom('thaw') }) },
  { weight: 3, arbitrary: fc.record({ does: fc.constantFrom('expire'), of }) },
] as const;

const someOperation = fc.oneof(...operations) as fc.Arbitrary<Command>;
const somePosting = fc.oneof(...operations, poison) as fc.Arbitrary<Command>;
const someIntervention = fc.oneof(...interventions) as fc.Arbitrary<Command>;
const anything = fc.oneof(...operations, poison, ...interventions) as fc.Arbitrary<Command>;

/** Postings and interventions, mixed. */
export const sequence = (length: number): fc.Arbitrary<Command[]> =>
  fc.array(anything, { minLength: 1, maxLength: length, size: 'max' });

/** Rounds of postings that may run at once, each after some interventions. */
export const rounds = (count: number, length: number, { poisoned = true } = {}): fc.Arbitrary<Command[][]> =>
  fc.array(
    fc
      .tuple(
        fc.array(someIntervention, { maxLength: 3 }),
        fc.array(poisoned ? somePosting : someOperation, {
          minLength: Math.ceil(length / 2),
          maxLength: length,
          size: 'max',
        }),
      )
      .map((parts) => parts.flat()),
    { minLength: count, maxLength: count },
  );

/** Makes a plan of commands; later commands find the operations of earlier ones, also over several calls. */
export class Planner {
  readonly #cast: Cast;
  readonly #planned: Planned[] = [];
  readonly #expired = new Set<string>();

  constructor(cast: Cast) {
    this.#cast = cast;
  }

  plan(commands: readonly Command[]): Step[] {
    return commands.flatMap((command) => this.#step(command));
  }

  #step(command: Command): Step[] {
    switch (command.does) {
      case 'status':
      case 'verify':
      case 'freeze':
      case 'thaw':
        return [{ intervention: command }];
      case 'expire': {
        const { operationId } = this.#earlier(command.of, 'hold');
        this.#expired.add(operationId);
        return [{ intervention: { does: 'expire', operationId } }];
      }
      case 'repeat': {
        const again = this.#repeat(command);
        return again ? [this.#remember(again)] : [];
      }
      default: {
        const isPoison = command.does === 'poison';
        return [
          this.#remember({ ...this.#posting(command), running: 'running' in command && command.running, isPoison }),
        ];
      }
    }
  }

  #remember(posting: Planned): Step {
    if (!posting.isPoison) this.#planned.push(posting);
    return { posting };
  }

  #posting(
    command: Exclude<Command, Intervention | { does: 'repeat' | 'expire' }>,
  ): Omit<Planned, 'running' | 'isPoison'> {
    const accounts = this.#cast.accounts;
    const operationId = newOperationId();
    switch (command.does) {
      case 'transfer':
      case 'poison':
      case 'hold': {
        const sides = { from: accounts[command.from], to: accounts[command.to] };
        const { amount, type } = command;
        if (command.does === 'hold') {
          const particulars = { type: 'PAYMENT', amount, currency: 'IDR', expiresInSeconds: 3600 } as const;
          return this.#asked('hold', sides.from, operationId, { name: 'hold', ...sides, ...particulars });
        }
        const by = type === 'PAYMENT' ? 'pay' : 'transfer';
        return this.#asked(by, sides.from, operationId, { name: 'transfer', ...sides, type, amount, currency: 'IDR' });
      }
      case 'open': {
        const to = accounts[command.to];
        const { amount } = command;
        const particulars = { type: 'TOPUP', amount, currency: 'IDR', paymentMethod: 'GOPAY' } as const;
        return this.#asked('topup', to, operationId, { name: 'open', to, ...particulars });
      }
      case 'settle': {
        const opened = this.#earlier(command.of, 'open');
        const [, to] = sidesOf(opened.movement, accounts);
        const sum = 'amount' in opened.movement ? (opened.movement.amount ?? 1n) : 1n;
        return this.#asked('settle-topup', GOPAY_CLEARING, opened.operationId, {
          name: 'settle',
          operationId: opened.operationId,
          account: command.astray ? accounts.bob : to,
          status: command.status,
          paid: command.differs ? money(sum / 2n + 1n) : money(sum),
          clearing: GOPAY_CLEARING,
          suspense: GOPAY_SUSPENSE,
        });
      }
      case 'capture':
      case 'release': {
        const held = this.#earlier(command.of, 'hold');
        const target = held.operationId;
        const [from, to] = sidesOf(held.movement, accounts, command.astray);
        if (command.does === 'capture') {
          const amount = partOf(held.movement, command.part);
          return this.#asked('capture', to, operationId, {
            name: 'capture',
            operationId: target,
            from,
            to,
            amount,
          });
        }
        const isExpired = this.#expired.has(target);
        const why = isExpired ? 'expired' : 'voided';
        const by = isExpired ? SCHEDULE_KEYS : to;
        return this.#asked('void', by, operationId, { name: 'release', operationId: target, from, to, why });
      }
      case 'refund': {
        const paid = this.#earlier(command.of, 'transfer', 'hold');
        const [to, from] = sidesOf(paid.movement, accounts, command.astray);
        const amount = partOf(paid.movement, command.part);
        return this.#asked('refund', from, operationId, {
          name: 'refund',
          payment: paid.operationId,
          from,
          to,
          amount,
        });
      }
    }
  }

  #asked(by: string, accountId: string, operationId: string, movement: Movement) {
    const request = JSON.stringify(movement, (_name, value) => (typeof value === 'bigint' ? value.toString() : value));
    const key = `${by} ${newOperationId()}`;
    return { key: { accountId, key, function: by, request }, operationId, movement };
  }

  #repeat({ of: drawn, change }: Extract<Command, { does: 'repeat' }>): Planned | undefined {
    const first = this.#planned[drawn % this.#planned.length];
    if (!first) return undefined;
    const key = {
      ...first.key,
      ...(change === 'request' && { request: `${first.key.request.slice(0, -1)},"changed":true}` }),
      ...(change === 'function' && { function: 'hold' }),
    };
    // A settlement belongs to the operation that it ends.
    const isSame = change === 'not even the operation' || first.movement.name === 'settle';
    return { ...first, key, operationId: isSame ? first.operationId : newOperationId() };
  }

  /** Mostly one of the right kind, one time in ten any; an unknown one if there is none. */
  #earlier(drawn: number, ...names: Movement['name'][]): Planned {
    const fitting = this.#planned.filter(({ movement }) => names.includes(movement.name));
    const from = drawn % 10 === 0 || fitting.length === 0 ? this.#planned : fitting;
    return from[drawn % from.length] ?? this.#unheardOf();
  }

  #unheardOf(): Planned {
    const { ada: from, shop: to } = this.#cast.accounts;
    const movement: Movement = { name: 'transfer', type: 'PAYMENT', from, to, amount: money(100n), currency: 'IDR' };
    return { ...this.#asked('pay', from, newOperationId(), movement), running: false, isPoison: false };
  }
}

/** The payer's and the payee's account. */
function sidesOf(movement: Movement, accounts: Cast['accounts'], astray = false): [string, string] {
  const from = 'from' in movement ? movement.from : GOPAY_CLEARING;
  const to = 'to' in movement ? movement.to : movement.account;
  if (movement.name === 'refund') return astray ? [from, accounts.stall] : [from, to];
  return astray ? [from, accounts.eve] : [from, to];
}

function partOf(movement: Movement, part: Part): Money | undefined {
  const whole = 'amount' in movement ? (movement.amount ?? money(1n)) : money(1n);
  switch (part) {
    case 'all':
      return undefined;
    case 'half':
      return money(whole / 2n + 1n);
    case 'exactly':
      return whole;
    case 'more':
      return money(whole + 1n);
  }
}

/** One event per posting that succeeded; its subject is the key. */
export function subjectOf({ key }: Pick<Planned, 'key'>): string {
  return key.key;
}

/** The posting as the ledger takes it. The result holds the whole decision. */
export function postingOf(planned: Planned): Posting {
  const { key, operationId, movement } = planned;
  return { key, operationId, movement, record: (decided) => record(planned, decided) };
}

function record(planned: Planned, { outcome, legs, bound }: Decided): Recorded {
  const { operationId, running, isPoison } = planned;
  if (isPoison) return { data: {}, events: [eventOf(planned, 'x'.repeat(101))] };
  const isPosted = outcome === 'posted' || outcome === 'posted_to_suspense';
  const events = isPosted ? [eventOf(planned, 't')] : [];
  if (isPosted && running) return { data: null, events };
  const data = {
    outcome,
    operationId,
    bound: bound && [bound.value, bound.left].map(String),
    legs: legs.map((leg) => [leg.accountId, ...[leg.legNumber, leg.amount, leg.balanceAfter].map(String)]),
  };
  return { data, events };
}

function eventOf(planned: Planned, topic: string) {
  return newEvent({
    topic,
    type: 'one-gate.payment.succeeded',
    source: '/test',
    subject: subjectOf(planned),
    partitionKey: planned.key.accountId,
    sequence: '1',
    traceparent: null,
    data: {},
  });
}
