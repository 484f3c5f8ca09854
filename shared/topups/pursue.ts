// Works on a top-up until there is an answer: runs the table of decide.ts. Only this file asks providers about payments.

import { publicUrl } from '../platform/environment.ts';
import { log } from '../platform/telemetry/log.ts';
import type { CallContext, InquiryOutcome, PaymentRequestOutcome } from '../providers/provider.ts';
import { addAttempt, markDead, markPaid, stopLooking } from './attempts.ts';
import {
  type Aim,
  type AnswerName,
  decide,
  type Happening,
  type SettlementOutcome,
  type Step,
  stateOf,
} from './decide.ts';
import { type Payment, report } from './findings.ts';
import { type Lease, renewLease, WORK_LIMIT_MS } from './lease.ts';
import { apiOf, canCancel } from './provider.ts';
import { close, credit, type Paid, setAside } from './settlement.ts';
import { readTopup, type Topup } from './topup.ts';

export type Answer =
  | { name: 'accepted'; reference: string; providerReference: string; redirectUrl: string; expiresAt: Date }
  /** The provider does not want it; the top-up has failed. */
  | { name: 'refused'; reason: string }
  | { name: Exclude<AnswerName, 'accepted' | 'refused'> };

export interface Pursuit {
  aim: Aim;
  /** Without it money is posted, and nothing is ended. */
  lease: Lease | undefined;
  traceparent: string;
  /** Where the payer's browser goes after paying. */
  returnUrl?: string | undefined;
  /** The top-up has just been opened by the caller: nothing has been sent for it. */
  isUnsent?: boolean;
}

/** An answer that was lost, what became of it, a cancellation, another attempt: more is not done for one request. */
const MOST_LOOKS = 4;

/** What the provider has said since the top-up was read. */
interface Said {
  request?: PaymentRequestOutcome;
  inquire?: InquiryOutcome;
}

/** `topup` was read under the lease. The caller gives the lease back. */
export async function pursue(topup: Topup, pursuit: Pursuit): Promise<Answer> {
  const { aim, lease, traceparent } = pursuit;
  const signal = AbortSignal.timeout(WORK_LIMIT_MS);
  const view = { aim, hasLease: lease !== undefined };
  const said: Said = {};
  let happened: Happening = { after: 'look' };
  let state = stateOf(topup, { ...view, isUnsent: pursuit.isUnsent ?? false });
  for (let looks = 1; ; ) {
    const step: Step = decide(state, happened, { topup, canCancel: canCancel(topup.method) });
    state = step.state ?? state;
    if (step.find) await report(step.find, topup, paymentOf(said));
    if (step.write === 'paid') await markPaid(topup.attempt, paidOf(said).providerReference);
    else if (step.write && lease) await markDead(lease, topup.attempt, step.write.dead);
    if (step.answer) return answerOf(step.answer, topup, said);
    if (step.post) {
      happened = { after: 'post', name: await post(step.post, topup, said, pursuit) };
    } else if (step.add) {
      const attempt = lease && (await addAttempt(lease, topup));
      if (attempt) topup = { ...topup, attempt };
      happened = { after: 'add', name: attempt ? 'added' : 'not_added' };
    } else if (step.ask === 'look') {
      if (looks++ === MOST_LOOKS || signal.aborted || !lease || !(await renewLease(lease))) return { name: 'unknown' };
      topup = await readTopup(topup.operationId);
      state = stateOf(topup, { ...view, isUnsent: false });
      happened = { after: 'look' };
    } else {
      happened = await ask(step, topup, said, pursuit.returnUrl, { traceparent, signal });
    }
  }
}

async function answerOf(name: AnswerName, topup: Topup, { request }: Said): Promise<Answer> {
  if (name === 'accepted' && request?.name === 'accepted') {
    const { reference, expiresAt } = topup.attempt;
    return { ...request, reference, expiresAt };
  }
  // Nothing is left to find out, unless an attempt may still be paid.
  if (name === 'ended' || name === 'refused') await stopLooking(topup.operationId);
  if (name === 'refused' && request?.name === 'refused') return { name, reason: request.reason };
  if (name === 'accepted' || name === 'refused') throw new Error(`the provider has not ${name} a payment`);
  return { name };
}

async function post(
  what: NonNullable<Step['post']>,
  topup: Topup,
  said: Said,
  { lease, traceparent }: Pursuit,
): Promise<SettlementOutcome> {
  if (what === 'SUCCESS') return credit(topup, paidOf(said), traceparent);
  if (what === 'SUSPENSE') return setAside(topup, paidOf(said));
  // Another process may have taken over, and made another attempt.
  if (!lease || !(await renewLease(lease))) return 'lease_lost';
  return close(topup, what, traceparent);
}

async function ask(
  { ask: question, reason = '' }: Step,
  topup: Topup,
  said: Said,
  returnUrl: string | undefined,
  context: CallContext,
): Promise<Happening> {
  const api = await apiOf(topup.method);
  const { reference, providerReference, expiresAt } = topup.attempt;
  if (question === 'cancel') {
    if (!api.cancel) throw new Error(`${topup.method} declares the capability "cancel" without having it`);
    return { after: 'cancel', name: (await api.cancel({ reference, providerReference, reason }, context)).name };
  }
  if (question === 'inquire') {
    said.inquire = await api.inquire({ reference, providerReference }, context);
    return { after: 'inquire', name: said.inquire.name };
  }
  const { amount, currency } = topup;
  said.request = await api.requestPayment(
    {
      reference,
      amount,
      currency,
      returnUrl: returnUrl ?? publicUrl(),
      expiresAt,
      description: 'One Gate top-up',
    },
    context,
  );
  if (said.request.name !== 'accepted') {
    const { name, ...why } = said.request;
    const what = name === 'refused' ? 'the provider has refused a top-up' : 'the answer to a payment request was lost';
    log.warn({ reference, ...why }, what);
  }
  return { after: 'request', name: said.request.name };
}

function paidOf({ inquire }: Said): Paid {
  if (inquire?.name !== 'paid') throw new Error('the provider has not said that it was paid');
  return inquire;
}

function paymentOf({ inquire }: Said): Payment {
  if (inquire?.name !== 'paid' && inquire?.name !== 'refunded') throw new Error('the provider has not told of money');
  return inquire;
}
