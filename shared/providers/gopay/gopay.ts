// GoPay as a provider, through Midtrans' SNAP API. The payer pays on GoPay's page from the GoPay wallet.

import { createPublicKey } from 'node:crypto';
import * as v from 'valibot';
import { firstCharacters } from '../../platform/http/text.ts';
import type {
  CallContext,
  CancelOutcome,
  InquiryOutcome,
  PaymentReference,
  PaymentRequest,
  PaymentRequestOutcome,
  Provider,
  Unknown,
} from '../provider.ts';
import { snapAmount } from '../snap/amount.ts';
import { MAX_SENDINGS, type SnapClient, type SnapConfiguration, type SnapOutcome, snapClient } from '../snap/client.ts';
import { paymentExternalId, randomExternalId } from '../snap/external-id.ts';
import { snapNotificationReply, verifySnapNotification } from '../snap/notification.ts';
import { snapTimestamp } from '../snap/timestamp.ts';
import { paymentStateOf } from '../snap/transaction-status.ts';
import { CancelAnswerSchema, PaymentAnswerSchema, StatusAnswerSchema } from './answers.ts';

const PAYMENT = { service: '54', path: '/v1.0/debit/payment-host-to-host' };
const STATUS = { service: '55', path: '/v1.0/debit/status' };
const CANCEL = { service: '57', path: '/v1.0/debit/cancel' };

/** GoPay may repeat a notification minutes after signing it. A replayed one causes at most an inquiry. */
const NOTIFICATION_WINDOW_MS = 15 * 60_000;
/** Bounds one operation, which may need several calls. */
const OPERATION_LIMIT_MS = 12_000;

export interface GopayConfiguration extends SnapConfiguration {
  merchantId: string;
  /** GoPay's public key, as PEM. GoPay signs notifications with the private one. */
  publicKey: string;
  operationLimitMs?: number;
}

/** Make one per process, because it keeps the access token. Throws a TypeError for an unusable key. */
export function gopayProvider(configuration: GopayConfiguration): Required<Provider> {
  const { merchantId, now = () => new Date(), operationLimitMs = OPERATION_LIMIT_MS } = configuration;
  const { call, prepare } = snapClient(configuration);
  const check = { publicKey: readPublicKey(configuration.publicKey), merchantId, windowMs: NOTIFICATION_WINDOW_MS };
  const limited = (context: CallContext = {}): CallContext => {
    const limit = AbortSignal.timeout(operationLimitMs);
    return { ...context, signal: context.signal ? AbortSignal.any([limit, context.signal]) : limit };
  };
  return {
    prepare,
    requestPayment: (request, context) => requestPayment(call, merchantId, request, limited(context)),
    inquire: (payment, context) => inquire(call, payment, limited(context)),
    cancel: (payment, context) => cancel(call, payment, limited(context)),
    verifyNotification: (message) => verifySnapNotification(check, message),
    replyToNotification: (outcome) => snapNotificationReply(outcome, now()),
  };
}

async function requestPayment(
  call: SnapClient['call'],
  merchantId: string,
  request: PaymentRequest,
  context: CallContext,
): Promise<PaymentRequestOutcome> {
  const externalId = (sending: number) => paymentExternalId(request.reference, sending);
  const outcome = await call({ ...PAYMENT, body: paymentBody(merchantId, request), externalId }, context);
  if (outcome.name === 'refused') {
    // GoPay refused this request, but an earlier one with the same reference may have been accepted.
    if (outcome.earlier) return { name: 'unknown', reason: 'earlier_attempt', code: outcome.code };
    return { name: 'refused', reason: outcome.reason, code: outcome.code };
  }
  if (outcome.name !== 'success') return unknown(outcome);
  const answer = v.safeParse(PaymentAnswerSchema, outcome.body);
  if (!answer.success || isOfAnother(request, answer.output.partnerReferenceNo)) return malformed(outcome.code);
  return { name: 'accepted', providerReference: answer.output.referenceNo, redirectUrl: answer.output.webRedirectUrl };
}

function paymentBody(merchantId: string, request: PaymentRequest) {
  const amount = snapAmount(request.amount, request.currency);
  return {
    partnerReferenceNo: request.reference,
    merchantId,
    urlParam: { url: request.returnUrl, type: 'PAY_RETURN', isDeeplink: 'N' },
    validUpTo: snapTimestamp(request.expiresAt),
    payOptionDetails: [{ payMethod: 'GOPAY', payOption: 'GOPAY_WALLET', transAmount: amount }],
    additionalInfo: request.description
      ? { items: [{ id: '1', price: amount, quantity: 1, name: firstCharacters(request.description, 50) }] }
      : {},
  };
}

async function inquire(
  call: SnapClient['call'],
  payment: PaymentReference,
  context: CallContext,
): Promise<InquiryOutcome> {
  for (const target of targetsOf(payment)) {
    const body = { ...target, serviceCode: '54' };
    const outcome = readStatus(payment, await call({ ...STATUS, body, externalId: randomExternalId }, context));
    if (outcome.name !== 'not_found') return outcome;
  }
  return { name: 'not_found' };
}

function readStatus(payment: PaymentReference, outcome: SnapOutcome): InquiryOutcome {
  if (outcome.name === 'refused') {
    if (outcome.reason === 'transaction_not_found') return { name: 'not_found' };
    // A refused inquiry says nothing about the payment.
    return { name: 'unknown', reason: 'inquiry_refused', code: outcome.code };
  }
  if (outcome.name !== 'success') return unknown(outcome);
  const parsed = v.safeParse(StatusAnswerSchema, outcome.body);
  if (!parsed.success || isOfAnother(payment, parsed.output.originalPartnerReferenceNo)) return malformed(outcome.code);
  const answer = parsed.output;
  const name = paymentStateOf(answer.latestTransactionStatus);
  if (name === 'not_found') return { name };
  if (name === 'unknown') return malformed(outcome.code);
  const providerReference = answer.originalReferenceNo ?? payment.providerReference;
  if (name !== 'paid' && name !== 'refunded') return { name, providerReference };
  // A paid state without an amount cannot be posted.
  if (!answer.transAmount) return malformed(outcome.code);
  return { name, providerReference, ...answer.transAmount, ...(answer.paidTime && { paidAt: answer.paidTime }) };
}

async function cancel(
  call: SnapClient['call'],
  payment: PaymentReference & { reason?: string },
  context: CallContext,
): Promise<CancelOutcome> {
  const reason = firstCharacters(payment.reason ?? 'cancelled by the customer', 250);
  for (const target of targetsOf(payment)) {
    const outcome = await call({ ...CANCEL, body: { ...target, reason }, externalId: randomExternalId }, context);
    if (outcome.name === 'refused' && outcome.reason === 'transaction_not_found') continue;
    return readCancel(call, payment, outcome, context);
  }
  return { name: 'not_found' };
}

async function readCancel(
  call: SnapClient['call'],
  payment: PaymentReference,
  outcome: SnapOutcome,
  context: CallContext,
): Promise<CancelOutcome> {
  if (outcome.name === 'refused') {
    if (outcome.reason === 'transaction_cancelled') return { name: 'cancelled' };
    if (outcome.reason === 'paid_bill') return { name: 'already_paid' };
    const refused = { name: 'refused', reason: outcome.reason, code: outcome.code } as const;
    return STATE_REFUSALS.has(outcome.reason) ? explain(refused, await inquire(call, payment, context)) : refused;
  }
  if (outcome.name !== 'success') return unknown(outcome);
  const parsed = v.safeParse(CancelAnswerSchema, outcome.body);
  if (!parsed.success || isOfAnother(payment, parsed.output.originalPartnerReferenceNo)) return malformed(outcome.code);
  return { name: 'cancelled' };
}

/** GoPay refuses these because of the payment's state, but does not name the state. */
const STATE_REFUSALS = new Set([
  'invalid_transaction_status',
  'transaction_expired',
  'transaction_not_permitted',
  'invalid_api_transition',
  'inconsistent_request',
  'operation_not_allowed',
]);

function explain(refused: CancelOutcome, state: InquiryOutcome): CancelOutcome {
  switch (state.name) {
    case 'paid':
    case 'refunded':
      return { name: 'already_paid' };
    case 'cancelled':
      return { name: 'cancelled' };
    case 'failed':
      return { name: 'already_failed' };
    case 'unknown':
      return state;
    default:
      return refused;
  }
}

/** GoPay finds a payment by its own reference or by the external id of the request, not by our reference. */
function targetsOf(payment: PaymentReference): object[] {
  if (payment.providerReference) return [{ originalReferenceNo: payment.providerReference }];
  return Array.from({ length: MAX_SENDINGS }, (_, sending) => ({
    originalExternalId: paymentExternalId(payment.reference, sending),
  }));
}

/** Whether the answer names a reference other than ours. */
function isOfAnother(payment: { reference: string }, answered: string | undefined): boolean {
  return answered !== undefined && answered !== payment.reference;
}

function unknown(outcome: Unknown | { name: 'duplicate_reference'; code: string }): Unknown {
  return outcome.name === 'unknown' ? outcome : { name: 'unknown', reason: 'duplicate_reference', code: outcome.code };
}

function malformed(code: string): Unknown {
  return { name: 'unknown', reason: 'malformed_answer', code };
}

function readPublicKey(pem: string) {
  try {
    return createPublicKey(pem);
  } catch {
    throw new TypeError("GoPay's public key is not a public key in PEM");
  }
}
