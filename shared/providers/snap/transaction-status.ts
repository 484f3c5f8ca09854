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
  // Two that some providers add to the standard: expired, rejected.
  '08': 'failed',
  '09': 'failed',
};

/** A status nobody has told us of is unknown, whatever it looks like. */
export function paymentStateOf(latestTransactionStatus: string): PaymentState['name'] | 'not_found' | 'unknown' {
  return STATES[latestTransactionStatus] ?? 'unknown';
}
