// Whatever happens to a top-up, in whatever order, the table keeps its promises. A model of the database and of the provider; several
// processes walk at once, die between any two effects, and are slow. A request that is lost on its way never arrives later here.

import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type Aim, decide, type Happening, type SettlementOutcome, stateOf } from '../../../shared/topups/decide.ts';
import type { Attempt, Topup } from '../../../shared/topups/topup.ts';
import { aTopup } from './a-topup.ts';

type Mood = 'good' | 'lost before' | 'lost after' | 'refuses';
type Row = Pick<Attempt, 'number' | 'state' | 'endedAs' | 'wasAccepted'> & { madeAt: number };
type Walk = Generator<void, void, Mood>;

const VALID = 15;
const OVER = 20;

class World {
  minute = 0;
  status: Topup['status'] = 'PENDING';
  isCancelRequested = false;
  lease = 1;
  leasedUntil = 1;
  isAnswered = false;
  attempts: Row[] = [{ number: 1, state: 'REQUESTED', endedAs: undefined, wasAccepted: false, madeAt: 0 }];
  payments = new Map<number, 'pending' | 'paid' | 'cancelled' | 'failed'>();
  /** The provider's confirmation was read. */
  confirmed = new Set<number>();
  credited: number | undefined;
  postings: number[] = [];

  latest(): Row {
    return this.attempts.at(-1) as Row;
  }

  topup(number = this.latest().number): Topup {
    const { madeAt, ...row } = this.attempts[number - 1] as Row;
    return aTopup(
      { status: this.status, isCancelRequested: this.isCancelRequested, isOld: this.minute >= 2 },
      {
        ...row,
        isExpired: this.minute >= madeAt + VALID,
        isOver: this.minute > madeAt + OVER,
        isLatest: number === this.latest().number,
      },
    );
  }

  takeLease(): number | undefined {
    if (this.leasedUntil > this.minute) return undefined;
    this.leasedUntil = this.minute + 1;
    return ++this.lease;
  }

  holds(lease: number | undefined): boolean {
    return lease === this.lease;
  }

  ask(question: 'request' | 'inquire' | 'cancel', number: number, mood: Mood): Happening {
    if (mood === 'lost before') return { after: question, name: 'unknown' };
    const found = this.payments.get(number);
    const told = mood !== 'lost after';
    if (question === 'inquire') return { after: question, name: told ? (found ?? 'not_found') : 'unknown' };
    if (question === 'request') {
      const isTaken = this.minute < (this.attempts[number - 1] as Row).madeAt + VALID && mood !== 'refuses';
      if (!found && !isTaken) return { after: question, name: told ? 'refused' : 'unknown' };
      if (!found) this.payments.set(number, 'pending');
      return { after: question, name: told && this.payments.get(number) === 'pending' ? 'accepted' : 'unknown' };
    }
    if (found === 'pending') this.payments.set(number, 'cancelled');
    if (!told) return { after: question, name: 'unknown' };
    const names = {
      pending: 'cancelled',
      cancelled: 'cancelled',
      paid: 'already_paid',
      failed: 'already_failed',
    } as const;
    return { after: question, name: found ? names[found] : 'not_found' };
  }

  credit(number: number): SettlementOutcome {
    if (this.credited !== undefined) return this.credited === number ? 'credited' : 'paid_before';
    this.credited = number;
    this.status = 'SUCCESS';
    this.postings.push(number);
    return 'credited';
  }

  setAside(number: number): SettlementOutcome {
    if (!this.postings.includes(number)) this.postings.push(number);
    return 'set_aside';
  }

  close(status: 'FAILED' | 'CANCELLED'): SettlementOutcome {
    if (this.status !== 'PENDING') return 'closed';
    const { number, madeAt } = this.latest();
    // The provider can take no money for it, and for CANCELLED it has said so, or has never heard of it.
    expect([undefined, 'cancelled', 'failed']).toContain(this.payments.get(number));
    if (status === 'CANCELLED' && !this.confirmed.has(number)) {
      expect([this.isCancelRequested, this.payments.get(number)]).toEqual([true, undefined]);
      expect(this.minute).toBeGreaterThan(madeAt + OVER);
    }
    this.status = status;
    return 'closed';
  }

  add(lease: number | undefined): boolean {
    const isPending = this.status === 'PENDING' && !this.isCancelRequested;
    if (!this.holds(lease) || this.leasedUntil <= this.minute || !isPending) return false;
    for (const { number, state } of this.attempts) {
      // An attempt whose answer was lost has been inquired about, and cancelled.
      expect([undefined, 'cancelled', 'failed']).toContain(this.payments.get(number));
      expect(state).toBe('DEAD');
    }
    const number = this.attempts.length + 1;
    this.attempts.push({ number, state: 'REQUESTED', endedAs: undefined, wasAccepted: false, madeAt: this.minute });
    return true;
  }
}

/** As pursue.ts runs the table; other processes may come, or this one may die, at every yield. */
function* walk(world: World, aim: Aim, lease: number | undefined, isUnsent = false, attempt?: number): Walk {
  const began = world.minute;
  const view = { aim, hasLease: lease !== undefined };
  let topup = world.topup(attempt);
  let state = stateOf(topup, { ...view, isUnsent });
  let happened: Happening = { after: 'look' };
  for (let looks = 1; ; ) {
    const step = decide(state, happened, { topup, canCancel: true });
    state = step.state ?? state;
    const { number } = topup.attempt;
    if ('name' in happened && happened.name === 'unknown') {
      expect([step.write, step.post, step.find]).toEqual([undefined, undefined, undefined]);
    }
    const mood = yield;
    const row = world.attempts[number - 1] as Row;
    if (step.write === 'paid') Object.assign(row, { state: 'PAID', endedAs: undefined });
    else if (step.write && world.holds(lease) && (row.state === 'REQUESTED' || row.state === 'ACCEPTED'))
      Object.assign(row, { state: 'DEAD', endedAs: step.write.dead });
    yield;
    if (step.answer) {
      if (!world.holds(lease)) return;
      if (aim === 'redirect' && step.answer !== 'unknown' && step.answer !== 'pending') world.isAnswered = true;
      if (step.answer === 'accepted') {
        if (row.state === 'REQUESTED') row.state = 'ACCEPTED';
        row.wasAccepted = true;
      }
      world.leasedUntil = world.minute;
      return;
    }
    if (step.post === 'SUCCESS') happened = { after: 'post', name: world.credit(number) };
    else if (step.post === 'SUSPENSE') happened = { after: 'post', name: world.setAside(number) };
    else if (step.post) happened = { after: 'post', name: world.holds(lease) ? world.close(step.post) : 'lease_lost' };
    else if (step.add) {
      const isAdded = world.add(lease);
      if (isAdded) topup = world.topup();
      happened = { after: 'add', name: isAdded ? 'added' : 'not_added' };
    } else if (step.ask === 'look') {
      if (looks++ === 4 || !world.holds(lease) || world.minute > began) return;
      topup = world.topup();
      state = stateOf(topup, { ...view, isUnsent: false });
      happened = { after: 'look' };
    } else if (step.ask) {
      // A process that is slow gives its calls up after WORK_LIMIT_MS, which is less than a lease.
      happened = world.ask(step.ask, number, world.minute > began ? 'lost before' : (mood ?? 'good'));
      if (happened.after !== 'look' && happened.name === 'cancelled') world.confirmed.add(number);
    } else throw new Error('a step without an effect');
  }
}

type Command =
  | { does: 'go'; who: number; mood: Mood }
  | { does: 'die'; who: number }
  | { does: 'ask again' | 'want it cancelled' | 'reconcile' }
  | { does: 'notify' | 'pay' | 'cancel' | 'fail'; attempt: number }
  | { does: 'wait'; minutes: number };

const mood = fc.constantFrom<Mood>('good', 'good', 'good', 'lost before', 'lost after', 'refuses');
const who = fc.nat(3);
const attempt = fc.nat(3);
const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 24, arbitrary: fc.record({ does: fc.constant('go' as const), who, mood }) },
  { weight: 1, arbitrary: fc.record({ does: fc.constant('die' as const), who }) },
  { weight: 3, arbitrary: fc.record({ does: fc.constant('ask again' as const) }) },
  { weight: 1, arbitrary: fc.record({ does: fc.constant('want it cancelled' as const) }) },
  { weight: 2, arbitrary: fc.record({ does: fc.constant('reconcile' as const) }) },
  { weight: 2, arbitrary: fc.record({ does: fc.constantFrom('notify' as const, 'pay' as const), attempt }) },
  { weight: 1, arbitrary: fc.record({ does: fc.constantFrom('cancel' as const, 'fail' as const), attempt }) },
  {
    weight: 2,
    arbitrary: fc.record({ does: fc.constant('wait' as const), minutes: fc.constantFrom(1, 1, 3, 15, 21) }),
  },
);

function run(commands: readonly Command[]): World {
  const world = new World();
  const walks: Walk[] = [walk(world, 'redirect', 1, true)];
  const lookUnderLease = (aim: Aim) => {
    const lease = world.takeLease();
    if (lease !== undefined) walks.push(walk(world, aim, lease));
  };
  const atProvider = (picked: number, becomes: 'paid' | 'cancelled' | 'failed') => {
    const number = (picked % world.attempts.length) + 1;
    if (world.payments.get(number) === 'pending') world.payments.set(number, becomes);
  };
  for (const each of commands) {
    switch (each.does) {
      case 'go':
        if (walks.length > 0 && walks[each.who % walks.length]?.next(each.mood).done) {
          walks.splice(each.who % walks.length, 1);
        }
        break;
      case 'die':
        walks.splice(each.who, 1);
        break;
      case 'ask again':
        if (!world.isAnswered) lookUnderLease('redirect');
        break;
      case 'want it cancelled':
        if (world.status === 'PENDING') world.isCancelRequested = true;
        lookUnderLease('outcome');
        break;
      case 'reconcile':
        lookUnderLease('outcome');
        break;
      case 'notify':
        walks.push(walk(world, 'outcome', world.takeLease(), false, (each.attempt % world.attempts.length) + 1));
        break;
      case 'pay':
        atProvider(each.attempt, 'paid');
        break;
      case 'cancel':
        atProvider(each.attempt, 'cancelled');
        break;
      case 'fail':
        atProvider(each.attempt, 'failed');
        break;
      case 'wait':
        world.minute += each.minutes;
    }
  }
  // In the end everything is asked about once more, by a provider that answers.
  const finish = (last: Walk) => {
    for (let steps = 0; !last.next('good').done; steps++) expect(steps).toBeLessThan(100);
  };
  for (const each of walks) finish(each);
  for (let round = 0; round < 3; round++) {
    world.minute += OVER + 1;
    finish(walk(world, 'outcome', world.takeLease()));
    for (const { number } of world.attempts) finish(walk(world, 'outcome', world.takeLease(), false, number));
  }
  return world;
}

test.each([1, 20_261_128])('what is paid is posted once, and every top-up comes to a true end (seed %i)', (seed) => {
  const seen = new Set<string>();
  fc.assert(
    fc.property(fc.array(command, { minLength: 1, maxLength: 120, size: 'max' }), (commands) => {
      const world = run(commands);
      const paid = [...world.payments].flatMap(([number, state]) => (state === 'paid' ? [number] : []));
      expect([...world.postings].sort()).toEqual(paid.sort());
      expect(world.status === 'SUCCESS').toBe(paid.length > 0);
      expect(world.status).not.toBe('PENDING');
      expect(world.attempts.filter(({ state }) => state === 'REQUESTED' || state === 'ACCEPTED')).toEqual([]);
      for (const { number, state } of world.attempts) expect(state === 'PAID').toBe(paid.includes(number));
      seen.add(world.status);
      if (world.attempts.length > 1) seen.add('another attempt');
    }),
    { seed, numRuns: 3_000 },
  );
  // The walks have been to every end.
  expect([...seen].sort()).toEqual(['CANCELLED', 'FAILED', 'SUCCESS', 'another attempt']);
});
