// latestTransactionStatus of status answers and notifications.

import type { PaymentState } from '../provider.ts';

const STATES: Record<string, PaymentState['name'] | 'not_found'> = {
  '00': 'paid',
  '01': 'pending',
  '02': 'pending',
  '03': 'pending',
  '04': 'refunded',
  '05': 'cancelled',
  '06': 'failed',
  '07': 'not_found',
  // Two codes that some providers add to the standard: expired, rejected.
  '08': 'failed',
  '09': 'failed',
};

/** An unlisted status is unknown. */
export function paymentStateOf(latestTransactionStatus: string): PaymentState['name'] | 'not_found' | 'unknown' {
  return STATES[latestTransactionStatus] ?? 'unknown';
}
