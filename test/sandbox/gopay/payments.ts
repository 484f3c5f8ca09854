// The provider's books: payments, their possible changes, and the external ids of the day. Kept in a file if one is
// given, so that payments survive a restart.

import { randomBytes, randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { type Clock, jakartaDay } from './clock.ts';

/** More than a sandbox should ever hold; beyond it the oldest finished payments are forgotten. */
const CAPACITY = 10_000;
const SAVE_AFTER_MS = 100;

export type Status = 'initiated' | 'pending' | 'paid' | 'cancelled' | 'failed' | 'expired' | 'refunded';

export interface Payment {
  referenceNo: string;
  partnerReferenceNo: string;
  externalId: string;
  /** In the address of the payer's page; cannot be guessed from the reference. */
  pageToken: string;
  amount: { value: string; currency: string };
  itemName: string;
  returnUrl: string;
  status: Status;
  createdAt: string;
  validUpTo: string;
  finishedAt?: string;
  refunds: { refundNo: string; value: string; at: string }[];
}

export interface Delivery {
  id: string;
  referenceNo: string;
  body: string;
  /** HTTP statuses the merchant answered with, 0 for none. */
  answers: number[];
  state: 'held' | 'waiting' | 'delivered' | 'given_up' | 'suppressed';
}

export interface Books {
  readonly clock: Clock;
  payments(): Payment[];
  deliveries: Delivery[];
  byReference(referenceNo: string): Payment | undefined;
  byPartnerReference(partnerReferenceNo: string): Payment | undefined;
  byExternalId(externalId: string): Payment | undefined;
  byPage(pageToken: string): Payment | undefined;
  add(payment: NewPayment): Payment;
  /** Moves an open payment on (or refunds a paid one); false when its status does not allow it. */
  move(payment: Payment, to: Status): boolean;
  /** Ends an open payment whose time is over; true when it did. */
  expire(payment: Payment): boolean;
  /** Today's answer to this external id, if there was one. */
  answerTo(externalId: string): string | undefined;
  remember(externalId: string, answer: string): void;
  saveSoon(): void;
  save(): void;
  reset(): void;
}

type NewPayment = Pick<
  Payment,
  'partnerReferenceNo' | 'externalId' | 'amount' | 'itemName' | 'returnUrl' | 'validUpTo'
>;

const FROM: Record<Status, readonly Status[]> = {
  initiated: [],
  pending: ['initiated'],
  paid: ['initiated', 'pending'],
  cancelled: ['initiated', 'pending'],
  failed: ['initiated', 'pending'],
  expired: ['initiated', 'pending'],
  refunded: ['paid', 'refunded'],
};

export const isOpen = (payment: Payment): boolean => payment.status === 'initiated' || payment.status === 'pending';

export function openBooks(clock: Clock, file: string | undefined): Books {
  let payments = new Map<string, Payment>();
  let answers = new Map<string, string>();
  let day = jakartaDay(clock.now());
  let timer: NodeJS.Timeout | undefined;
  const kept = file ? load(file) : undefined;

  const find = (matches: (payment: Payment) => boolean) => [...payments.values()].find(matches);

  function today(): Map<string, string> {
    const current = jakartaDay(clock.now());
    if (current !== day) {
      day = current;
      answers = new Map();
    }
    return answers;
  }

  const books: Books = {
    clock,
    deliveries: kept?.deliveries ?? [],
    payments: () => [...payments.values()],
    byReference: (referenceNo) => payments.get(referenceNo),
    byPartnerReference: (reference) => find((payment) => payment.partnerReferenceNo === reference),
    byExternalId: (externalId) => find((payment) => payment.externalId === externalId),
    byPage: (pageToken) => find((payment) => payment.pageToken === pageToken),
    add(fresh) {
      const createdAt = clock.now().toISOString();
      const payment: Payment = {
        ...fresh,
        referenceNo: `A1${createdAt.replace(/\D/g, '').slice(0, 14)}${randomBytes(6).toString('hex')}ID`,
        pageToken: randomUUID(),
        status: 'initiated',
        createdAt,
        refunds: [],
      };
      payments.set(payment.referenceNo, payment);
      forgetOldest();
      books.saveSoon();
      return payment;
    },
    move(payment, to) {
      if (!FROM[to].includes(payment.status)) return false;
      payment.status = to;
      if (to !== 'pending') payment.finishedAt ??= clock.now().toISOString();
      books.saveSoon();
      return true;
    },
    expire: (payment) =>
      isOpen(payment) && clock.now() >= new Date(payment.validUpTo) && books.move(payment, 'expired'),
    answerTo: (externalId) => today().get(externalId),
    remember(externalId, answer) {
      today().set(externalId, answer);
      books.saveSoon();
    },
    saveSoon() {
      if (file) timer ??= setTimeout(books.save, SAVE_AFTER_MS);
    },
    save() {
      clearTimeout(timer);
      timer = undefined;
      if (!file) return;
      const state: State = { payments: books.payments(), deliveries: books.deliveries, day, answers: [...answers] };
      mkdirSync(dirname(file), { recursive: true });
      // A reader finds the old file or the new one, even after a crash.
      writeFileSync(`${file}.new`, JSON.stringify(state));
      renameSync(`${file}.new`, file);
    },
    reset() {
      payments = new Map();
      answers = new Map();
      books.deliveries.length = 0;
      books.saveSoon();
    },
  };

  function forgetOldest(): void {
    for (const [referenceNo, payment] of payments) {
      if (payments.size <= CAPACITY) return;
      if (!isOpen(payment)) payments.delete(referenceNo);
    }
  }

  if (kept) {
    payments = new Map(kept.payments.map((payment) => [payment.referenceNo, payment]));
    if (kept.day === day) answers = new Map(kept.answers);
  }
  return books;
}

interface State {
  payments: Payment[];
  deliveries: Delivery[];
  day: string;
  answers: [string, string][];
}

function load(file: string): State | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as State;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new Error(`${file} cannot be read as the simulator's state: delete it to start afresh`, { cause: error });
  }
}
