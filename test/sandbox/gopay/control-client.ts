// The simulator's control API from a test's side.

import type { Tampering } from './notifications.ts';
import type { Payment } from './payments.ts';

export type ControlledPayment = Payment;

export interface SentNotification {
  id: string;
  referenceNo: string;
  body: Record<string, unknown>;
  answers: number[];
  state: 'held' | 'waiting' | 'delivered' | 'given_up' | 'suppressed';
}

/** Every method rejects when the simulator refuses. References may be ours or the provider's. */
export function gopayControl(url: string) {
  async function call<Answer>(method: string, path: string, body?: object): Promise<Answer> {
    const response = await fetch(`${url}/__sim/${path}`, {
      method,
      headers: { 'content-type': 'application/json' },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    const answer = (await response.json()) as Answer & { error?: string };
    if (!response.ok) throw new Error(`the simulator refuses ${path}: ${answer.error}`);
    return answer;
  }
  const onPayment =
    (action: string) =>
    (reference: string, body: object = {}) =>
      call<Payment>('POST', `payments/${encodeURIComponent(reference)}/${action}`, body);
  return {
    payments: () => call<Payment[]>('GET', 'payments'),
    pay: onPayment('pay'),
    cancel: onPayment('cancel'),
    fail: onPayment('fail'),
    expire: onPayment('expire'),
    refund: onPayment('refund'),
    /** Sends the present state once more, now; the answer is the merchant's. */
    notify: (reference: string, tampering?: Tampering) =>
      call<{ status: number; body: string }>(
        'POST',
        `payments/${encodeURIComponent(reference)}/notify`,
        tampering ? { tampering } : {},
      ),
    notifications: () => call<SentNotification[]>('GET', 'notifications'),
    release: (newestFirst: boolean) => call('POST', 'notifications/release', { newest_first: newestFirst }),
    scenario: (scenario: '202_then_00' | '504_but_paid') => call('POST', 'faults', { scenario }),
    fault: (fault: {
      service: '73' | '54' | '55' | '57';
      times?: number;
      process?: boolean;
      pay?: boolean;
      delay_ms?: number;
      answer?: 'normal' | 'drop' | 'garbage' | { response_code: string; response_message?: string };
    }) => call('POST', 'faults', fault),
    settings: (settings: {
      notifications?: 'send' | 'hold' | 'suppress';
      copies?: number;
      repeated_external_id?: 'conflict' | 'replay';
      balance?: string;
      clock_offset_ms?: number;
    }) => call('POST', 'settings', settings),
    expireTokens: () => call('POST', 'tokens/expire', {}),
    reset: () => call('POST', 'reset', {}),
  };
}
