// POST /v1/notifications/gopay/v1.0/debit/notify: GoPay says what became of a payment. It is verified, kept, and never believed:
// settle-topup asks.

import * as v from 'valibot';
import { anyone, defineFunction, type Headers, type Reply } from '../../shared/http/function.ts';
import type { NotificationReply } from '../../shared/providers/provider.ts';
import { NotificationSchema } from '../../shared/providers/snap/notification.ts';
import { log } from '../../shared/telemetry/log.ts';
import { keepNotification } from '../../shared/topups/notification.ts';
import { providerOf } from '../../shared/topups/provider.ts';

export default defineFunction({
  name: 'receive-gopay-notification',
  summary: 'What GoPay calls when a payment changes',
  description: "SNAP's own request, signature and answers (service 56): refusals, too, are in its words.",
  uses: { database: 'money', kafka: true, providers: true },
  http: {
    route: 'POST /v1/notifications/gopay/v1.0/debit/notify',
    limit: { perMinute: 3000, by: 'address' },
    caller: anyone,
    answer: v.object({
      responseCode: v.pipe(v.string(), v.examples(['2005600'])),
      responseMessage: v.pipe(v.string(), v.examples(['Successful'])),
    }),
    status: 200,
    alsoStatus: {
      400: 'A header or a field is missing or cannot be read.',
      401: 'The signature is not theirs, or is too old.',
      404: 'We never asked for such a payment.',
      500: 'It could not be kept; GoPay tells again.',
    },
    protocol: {
      headers: v.object({
        'X-TIMESTAMP': v.pipe(v.string(), v.examples(['2026-11-20T10:31:00+07:00'])),
        'X-SIGNATURE': v.pipe(
          v.string(),
          v.description('RSA-SHA256 over method, path, hash of the body and time, in base64.'),
        ),
      }),
      body: NotificationSchema,
    },
    raw: 'application/json',
    errors: [],

    handle: async ({ headers, rawBody, url, trace }) => {
      const { api } = providerOf('GOPAY');
      const verified = api.verifyNotification({ headers, rawBody, path: url, now: new Date() });
      if (verified.name === 'invalid') {
        log.warn({ reason: verified.reason, traceId: trace.traceId }, 'a notification is refused');
        return inTheirWords(api.replyToNotification(verified));
      }
      const { notification } = verified;
      log.info({ reference: notification.reference, state: notification.state, traceId: trace.traceId }, 'GoPay tells');
      try {
        const end = await keepNotification('GOPAY', notification, signedText(headers, rawBody));
        return inTheirWords(api.replyToNotification({ name: end }));
      } catch (error) {
        log.error({ error, reference: notification.reference }, 'a notification could not be kept');
        return inTheirWords(api.replyToNotification({ name: 'try_again' }));
      }
    },
  },
});

/** What a dispute would need. */
function signedText(headers: Headers, rawBody: Buffer) {
  return {
    body: rawBody.toString('utf8'),
    signedAt: String(headers['x-timestamp']),
    signature: String(headers['x-signature']),
  };
}

function inTheirWords({ status, headers, body }: NotificationReply): Reply<never> {
  return { raw: body, contentType: 'application/json', status, headers };
}
