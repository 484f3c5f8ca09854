// The parts of GoPay's answers (Midtrans SNAP) that we read.

import * as v from 'valibot';
import { SnapAmountSchema } from '../snap/amount.ts';
import { parseSnapTimestamp } from '../snap/timestamp.ts';

const reference = v.pipe(v.string(), v.minLength(1), v.maxLength(64));

/** An unreadable time is left out, because nothing depends on it. */
const time = v.optional(
  v.pipe(
    v.unknown(),
    v.transform((text) => (typeof text === 'string' ? parseSnapTimestamp(text) : undefined)),
  ),
);

/** A page, or one of GoPay's app links. A scheme that a browser would run is refused. */
const redirectAddress = v.pipe(v.string(), v.maxLength(2048), v.url(), v.regex(/^(?:https?|gojek|gopay):/i));

export const PaymentAnswerSchema = v.object({
  referenceNo: reference,
  partnerReferenceNo: v.optional(v.string()),
  webRedirectUrl: redirectAddress,
});

export const StatusAnswerSchema = v.object({
  originalPartnerReferenceNo: v.optional(v.string()),
  originalReferenceNo: v.optional(reference),
  latestTransactionStatus: v.string(),
  transAmount: v.optional(SnapAmountSchema),
  paidTime: time,
});

export const CancelAnswerSchema = v.object({
  originalPartnerReferenceNo: v.optional(v.string()),
});
