// Keeps a provider's notification as it was signed, with the event that makes settle-topup ask for the true status.

import { reportFinding } from '../findings.ts';
import { transaction } from '../platform/database/database.ts';
import { addToOutbox } from '../platform/events/outbox.ts';
import { publish } from '../platform/events/publisher.ts';
import type { PaymentNotification } from '../providers/provider.ts';
import type { PaymentMethod } from '../providers/providers.ts';
import { topupNotified } from './events.ts';
import { operationOfAttempt, readTopup } from './topup.ts';

export interface SignedText {
  body: string;
  /** The time that the provider signed. */
  at: string;
  signature: string;
}

/** `kept` for a repetition too; `unknown_payment` when we never asked for it, which is a finding. */
export async function keepNotification(
  provider: PaymentMethod,
  notification: PaymentNotification,
  signed: SignedText,
): Promise<'kept' | 'unknown_payment'> {
  const { reference } = notification;
  const operationId = await operationOfAttempt(reference);
  const topup = operationId && (await readTopup(operationId, reference));
  const events = topup ? [topupNotified(topup, notification)] : [];
  const isNews = await transaction(async (query) => {
    const kept = await query({
      text: `
        insert into provider_notifications (provider, deduplication_key, reference, provider_reference, operation_id, provider_state,
               body, signed_at, signature)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        on conflict (provider, deduplication_key) do nothing returning 1`,
      values: [
        provider,
        notification.deduplicationKey,
        reference,
        notification.providerReference,
        operationId ?? null,
        notification.providerState,
        signed.body,
        signed.at,
        signed.signature,
      ],
    });
    if (kept.length > 0) await addToOutbox(query, events);
    return kept.length > 0;
  });
  if (topup) {
    if (isNews) publish(events);
    return 'kept';
  }
  await reportFinding({
    kind: 'payment_unknown',
    subject: notification.providerReference,
    detail: `${provider} tells of a payment (${notification.state}) with the reference ${reference}, which we never asked for.`,
  });
  return 'unknown_payment';
}
