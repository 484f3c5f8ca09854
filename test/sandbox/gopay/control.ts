// The control API under /__sim, for tests: plays the payer, faults, or a wrong clock.
//
//   GET  /__sim/payments                        all payments, oldest first
//   POST /__sim/payments/{reference}/{action}   pay, cancel, fail, expire, refund, notify; by either reference
//   GET  /__sim/notifications                   every notification and the merchant's answers to it
//   POST /__sim/notifications/release           {"newest_first": true}
//   POST /__sim/faults                          {"scenario": "504_but_paid"} or {"service", "times", "process", "pay", "delay_ms", "answer"}
//   POST /__sim/settings                        {"notifications", "copies", "repeated_external_id", "balance", "clock_offset_ms"}
//   POST /__sim/tokens/expire                   every access token ends
//   POST /__sim/reset                           payments, notifications, faults and settings as at the start

import * as v from 'valibot';
import type { Api } from './api.ts';
import type { Notifications } from './notifications.ts';
import type { Books, Payment } from './payments.ts';
import { type Fault, resetSettings, SCENARIOS, type Settings } from './settings.ts';

export interface ControlParts {
  books: Books;
  settings: Settings;
  api: Api;
  notifications: Notifications;
}

export interface ControlAnswer {
  status: number;
  body: unknown;
}

const ANSWERS = ['normal', 'drop', 'garbage'] as const;

const FaultSchema = v.union([
  v.strictObject({ scenario: v.picklist(['202_then_00', '504_but_paid']) }),
  v.strictObject({
    service: v.picklist(['73', '54', '55', '57']),
    times: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1)), 1),
    process: v.optional(v.boolean(), true),
    pay: v.optional(v.boolean(), false),
    delay_ms: v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(600_000)), 0),
    answer: v.optional(
      v.union([
        v.picklist(ANSWERS),
        v.strictObject({
          response_code: v.pipe(v.string(), v.regex(/^[2-5]\d{6}$/)),
          response_message: v.optional(v.string(), 'Forced by a test'),
        }),
      ]),
      'normal',
    ),
  }),
]);

const SettingsSchema = v.strictObject({
  notifications: v.optional(v.picklist(['send', 'hold', 'suppress'])),
  copies: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(10))),
  repeated_external_id: v.optional(v.picklist(['conflict', 'replay'])),
  balance: v.optional(v.pipe(v.string(), v.regex(/^\d{1,13}\.\d{2}$/))),
  clock_offset_ms: v.optional(v.pipe(v.number(), v.integer())),
});

const NotifySchema = v.strictObject({
  tampering: v.optional(v.picklist(['signature', 'amount', 'timestamp', 'merchant'])),
});
const RefundSchema = v.strictObject({ value: v.optional(v.pipe(v.string(), v.regex(/^\d{1,13}\.\d{2}$/))) });
const ReleaseSchema = v.strictObject({ newest_first: v.optional(v.boolean(), false) });

/** A wrong body throws valibot's error, which the server answers with 400. */
export async function control(
  parts: ControlParts,
  method: string,
  path: string,
  body: unknown,
): Promise<ControlAnswer> {
  const { books, settings, api, notifications } = parts;
  const [what, reference, action] = path.replace('/__sim/', '').split('/').map(decodeURIComponent);
  switch (`${method} ${what}${reference === undefined || what === 'payments' ? '' : `/${reference}`}`) {
    case 'GET payments':
      return ok(books.payments());
    case 'POST payments':
      return onPayment(parts, reference ?? '', action ?? '', body);
    case 'GET notifications':
      return ok(books.deliveries.map((delivery) => ({ ...delivery, body: JSON.parse(delivery.body) })));
    case 'POST notifications/release':
      await notifications.release(v.parse(ReleaseSchema, body).newest_first);
      return ok({});
    case 'POST faults':
      settings.faults.push(faultOf(v.parse(FaultSchema, body)));
      return ok(settings.faults);
    case 'POST settings':
      applySettings(parts, v.parse(SettingsSchema, body));
      return ok({ ...settings, clockOffsetMs: books.clock.offsetMs });
    case 'POST tokens/expire':
      api.expireTokens();
      return ok({});
    case 'POST reset':
      notifications.forget();
      books.reset();
      resetSettings(settings, books.clock);
      api.expireTokens();
      return ok({});
    default:
      return { status: 404, body: { error: `there is no ${method} ${path}` } };
  }
}

async function onPayment(
  parts: ControlParts,
  reference: string,
  action: string,
  body: unknown,
): Promise<ControlAnswer> {
  const { books, notifications } = parts;
  const payment = books.byPartnerReference(reference) ?? books.byReference(reference);
  if (!payment) return { status: 404, body: { error: `there is no payment ${reference}` } };
  if (action === 'notify') return ok(await notifications.send(payment, v.parse(NotifySchema, body).tampering));
  const moved = move(books, payment, action, body);
  if (moved === undefined) return { status: 404, body: { error: `a payment cannot be told to ${action}` } };
  if (!moved) return { status: 409, body: { error: `the payment is ${payment.status}` } };
  notifications.announce(payment);
  return ok(payment);
}

const TARGETS = { pay: 'paid', cancel: 'cancelled', fail: 'failed', expire: 'expired' } as const;

function move(books: Books, payment: Payment, action: string, body: unknown): boolean | undefined {
  if (Object.hasOwn(TARGETS, action)) return books.move(payment, TARGETS[action as keyof typeof TARGETS]);
  if (action !== 'refund') return undefined;
  const value = v.parse(RefundSchema, body).value ?? payment.amount.value;
  if (!books.move(payment, 'refunded')) return false;
  const refundNo = `R-${payment.referenceNo}-${payment.refunds.length + 1}`;
  payment.refunds.push({ refundNo, value, at: books.clock.now().toISOString() });
  books.saveSoon();
  return true;
}

function faultOf(given: v.InferOutput<typeof FaultSchema>): Fault {
  const always: Omit<Fault, 'service'> = { times: 1, process: true, pay: false, delayMs: 0, answer: 'normal' };
  if ('scenario' in given) return { ...always, ...SCENARIOS[given.scenario] };
  const { delay_ms: delayMs, answer, ...rest } = given;
  if (typeof answer === 'string') return { ...rest, delayMs, answer };
  const { response_code: responseCode, response_message: responseMessage } = answer;
  return { ...rest, delayMs, answer: { httpStatus: Number(responseCode.slice(0, 3)), responseCode, responseMessage } };
}

function applySettings({ books, settings }: ControlParts, given: v.InferOutput<typeof SettingsSchema>): void {
  settings.notifications = given.notifications ?? settings.notifications;
  settings.copies = given.copies ?? settings.copies;
  settings.repeatedExternalId = given.repeated_external_id ?? settings.repeatedExternalId;
  settings.balance = given.balance ?? settings.balance;
  books.clock.offsetMs = given.clock_offset_ms ?? books.clock.offsetMs;
}

function ok(body: unknown): ControlAnswer {
  return { status: 200, body };
}
