// The notification message of SNAP BI (service 56) and its answers.

import * as v from 'valibot';
import type { Notifications } from '../declaration.ts';
import { SnapAmountSchema } from './amount.ts';

/** The path of the standard, relative to the address that the provider was given. */
export const NOTIFY_PATH = '/v1.0/debit/notify';

const reference = v.pipe(v.string(), v.minLength(1), v.maxLength(64));

export const NotificationSchema = v.object({
  originalPartnerReferenceNo: reference,
  originalReferenceNo: reference,
  merchantId: v.optional(v.string()),
  latestTransactionStatus: v.pipe(v.string(), v.regex(/^\d{2}$/), v.examples(['00'])),
  amount: v.optional(SnapAmountSchema),
  additionalInfo: v.optional(
    v.object({
      refundHistory: v.nullish(
        v.array(v.object({ refundNo: v.optional(v.string()), partnerReferenceNo: v.optional(v.string()) })),
      ),
    }),
  ),
});

export function snapNotifications(name: string, title: string): Notifications {
  return {
    paths: [`/v1/notifications/${name}${NOTIFY_PATH}`],
    description: "SNAP's own request, signature and answers (service 56). Refusals follow SNAP, too.",
    headers: v.object({
      'X-TIMESTAMP': v.pipe(v.string(), v.examples(['2026-11-20T10:31:00+07:00'])),
      'X-SIGNATURE': v.pipe(
        v.string(),
        v.description('RSA-SHA256 over method, path, hash of the body and time, in base64.'),
      ),
    }),
    body: NotificationSchema,
    answer: v.object({
      responseCode: v.pipe(v.string(), v.examples(['2005600'])),
      responseMessage: v.pipe(v.string(), v.examples(['Successful'])),
    }),
    alsoStatus: {
      400: 'A header or a field is missing or cannot be read.',
      401: 'The signature is not the provider’s, or is too old.',
      404: 'We never asked for such a payment.',
      500: `The notification could not be kept. ${title} sends it again.`,
    },
  };
}
