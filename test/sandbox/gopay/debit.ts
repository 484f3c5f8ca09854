// Direct debit: request a payment, ask for its status, cancel it.

import { jakartaTime, readTime } from './clock.ts';
import type { Books, Payment } from './payments.ts';
import { type ApiAnswer, invalidField, Refusal, success } from './refusal.ts';
import type { Body } from './request-body.ts';

const LARGEST_PAYMENT = 20_000_000n;
const DEFAULT_VALIDITY_MS = 15 * 60_000;

export interface DebitParts {
  books: Books;
  merchantId: string;
  /** Where the payer's pages are, without a trailing slash. */
  publicUrl(): string;
  /** Called when the API itself has moved a payment. */
  moved(payment: Payment): void;
}

export type Operation = (body: Body, externalId: string) => ApiAnswer;

/** By service code. */
export function debitOperations(parts: DebitParts): Record<string, Operation> {
  const { books } = parts;

  function requestPayment(body: Body, externalId: string): ApiAnswer {
    const partnerReferenceNo = body.text('partnerReferenceNo', 64);
    if (body.text('merchantId', 64) !== parts.merchantId) throw new Refusal('54', 404, '08', 'Invalid Merchant');
    const returnUrl = body.text('urlParam.url', 2048);
    if (body.text('urlParam.type') !== 'PAY_RETURN') throw invalidField('54', 'urlParam.type');
    if (!isReturnAddress(returnUrl)) throw invalidField('54', 'urlParam.url');
    const option = 'payOptionDetails.0';
    if (body.text(`${option}.payMethod`) !== 'GOPAY') throw invalidField('54', 'payOptionDetails.payMethod');
    body.text(`${option}.payOption`);
    const value = body.text(`${option}.transAmount.value`);
    const currency = body.text(`${option}.transAmount.currency`);
    if (!/^\d{1,16}\.\d{2}$/.test(value)) throw invalidField('54', 'payOptionDetails.transAmount.value');
    if (currency !== 'IDR') throw invalidField('54', 'payOptionDetails.transAmount.currency');
    // GoPay has no sen: an amount must be whole rupiah.
    if (!value.endsWith('.00') || /^0+\.00$/.test(value)) throw new Refusal('54', 404, '13', 'Invalid Amount');
    if (BigInt(value.slice(0, -3)) > LARGEST_PAYMENT) {
      throw new Refusal('54', 403, '02', 'Exceeds Transaction Amount Limit');
    }
    const validUpTo = validity(body);
    if (books.byPartnerReference(partnerReferenceNo))
      throw new Refusal('54', 409, '01', 'Duplicate partnerReferenceNo');
    const itemName = body.optional('additionalInfo.items.0.name').slice(0, 100);
    const payment = books.add({
      partnerReferenceNo,
      externalId,
      amount: { value, currency },
      itemName,
      returnUrl,
      validUpTo: validUpTo.toISOString(),
    });
    const page = `${parts.publicUrl()}/app/${payment.pageToken}`;
    return success('54', {
      referenceNo: payment.referenceNo,
      partnerReferenceNo,
      webRedirectUrl: page,
      appRedirectUrl: page,
      additionalInfo: {},
    });
  }

  function validity(body: Body): Date {
    const given = body.optional('validUpTo');
    if (given === '') return new Date(books.clock.now().getTime() + DEFAULT_VALIDITY_MS);
    const time = readTime(given);
    if (!time) throw invalidField('54', 'validUpTo');
    if (time <= books.clock.now()) throw new Refusal('54', 403, '00', 'Transaction Expired');
    return time;
  }

  function status(body: Body): ApiAnswer {
    if (body.text('serviceCode') !== '54') throw invalidField('55', 'serviceCode');
    const payment = original('55', body);
    return success('55', {
      originalPartnerReferenceNo: payment.partnerReferenceNo,
      originalReferenceNo: payment.referenceNo,
      originalExternalId: payment.externalId,
      serviceCode: '54',
      ...statusFields(payment),
      transAmount: payment.amount,
      ...(payment.finishedAt && isPaid(payment) ? { paidTime: jakartaTime(new Date(payment.finishedAt)) } : {}),
      additionalInfo: { refundHistory: refundHistory(payment) },
    });
  }

  function cancel(body: Body): ApiAnswer {
    body.text('reason', 256);
    const payment = original('57', body);
    if (payment.status === 'cancelled') throw new Refusal('57', 404, '04', 'Transaction Cancelled');
    if (payment.status === 'expired') throw new Refusal('57', 403, '00', 'Transaction Expired');
    if (!books.move(payment, 'cancelled')) throw new Refusal('57', 404, '00', 'Invalid Transaction Status');
    parts.moved(payment);
    return success('57', {
      originalPartnerReferenceNo: payment.partnerReferenceNo,
      originalReferenceNo: payment.referenceNo,
      originalExternalId: payment.externalId,
      cancelTime: jakartaTime(books.clock.now()),
    });
  }

  /** By the provider's reference, which counts more, or by the external id of the request for the payment. */
  function original(service: string, body: Body): Payment {
    const referenceNo = body.optional('originalReferenceNo');
    const externalId = body.optional('originalExternalId');
    if (!referenceNo && !externalId) {
      throw new Refusal(service, 400, '02', 'Invalid Mandatory Field originalReferenceNo or originalExternalId');
    }
    const payment = referenceNo ? books.byReference(referenceNo) : books.byExternalId(externalId);
    if (!payment) throw new Refusal(service, 404, '01', 'Transaction Not Found');
    if (books.expire(payment)) parts.moved(payment);
    return payment;
  }

  return { '54': requestPayment, '55': status, '57': cancel };
}

/** A web page or an app's own link, but no scheme that a browser would run. */
function isReturnAddress(text: string): boolean {
  try {
    return !['javascript:', 'data:', 'vbscript:', 'file:', 'blob:'].includes(new URL(text).protocol);
  } catch {
    return false;
  }
}

const STATUSES: Record<Payment['status'], [string, string]> = {
  initiated: ['01', 'INITIATED'],
  pending: ['03', 'PENDING'],
  paid: ['00', 'SUCCESS'],
  refunded: ['04', 'REFUNDED'],
  cancelled: ['05', 'CANCELLED'],
  failed: ['06', 'FAILED'],
  expired: ['06', 'EXPIRED'],
};

export function statusFields(payment: Payment) {
  const [latestTransactionStatus, transactionStatusDesc] = STATUSES[payment.status];
  return { latestTransactionStatus, transactionStatusDesc };
}

const isPaid = (payment: Payment): boolean => payment.status === 'paid' || payment.status === 'refunded';

export function refundHistory(payment: Payment) {
  return payment.refunds.map((refund) => ({
    refundNo: refund.refundNo,
    refundAmount: { value: refund.value, currency: payment.amount.currency },
    refundStatus: '00',
    refundDate: jakartaTime(new Date(refund.at)),
  }));
}
