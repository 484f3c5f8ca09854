// Tells the merchant the state of a payment: signed as the provider signs, repeated until it is acknowledged or the
// attempts are used up.

import { type KeyObject, randomInt, randomUUID } from 'node:crypto';
import { jakartaTime } from './clock.ts';
import { refundHistory, statusFields } from './debit.ts';
import type { Books, Delivery, Payment } from './payments.ts';
import type { Settings } from './settings.ts';
import { signNotification } from './signatures.ts';

const PATH = '/v1.0/debit/notify';
const ATTEMPT_LIMIT_MS = 15_000;
const CAPACITY = 10_000;

export type Tampering = 'signature' | 'amount' | 'timestamp' | 'merchant';

export interface Notifications {
  /** Reports the state of a payment, as the settings say. */
  announce(payment: Payment): void;
  /**
   * Sends the payment's present state once, now, and returns the merchant's answer. `tampering` forges a part of it.
   */
  send(payment: Payment, tampering?: Tampering): Promise<{ status: number; body: string }>;
  /** Sends the held notifications, the oldest or the newest first, each after the answer to the one before. */
  release(newestFirst: boolean): Promise<void>;
  /** Resumes notifications that were waiting when the simulator stopped. */
  resume(): void;
  /** Forgets every retry that is due. */
  forget(): void;
  close(): void;
}

export interface NotificationParts {
  books: Books;
  settings: Settings;
  merchantId: string;
  partnerId: string;
  /** The provider's. */
  privateKey: KeyObject;
  /** `/v1.0/debit/notify` is below it. */
  notificationUrl: string;
  /** Waits between attempts; after the last one it gives up. */
  retryDelaysMs: readonly number[];
}

export function createNotifications(parts: NotificationParts): Notifications {
  const { books, settings } = parts;
  const end = new AbortController();
  const timers = new Set<NodeJS.Timeout>();

  function announce(payment: Payment): void {
    for (let copy = 0; copy < settings.copies; copy++) {
      const state = { send: 'waiting', hold: 'held', suppress: 'suppressed' } as const;
      const delivery = addDelivery(payment, state[settings.notifications]);
      if (delivery.state === 'waiting') void attempt(delivery);
    }
  }

  function addDelivery(payment: Payment, state: Delivery['state']): Delivery {
    const body = JSON.stringify(notificationBody(payment, parts.merchantId));
    const delivery: Delivery = { id: randomUUID(), referenceNo: payment.referenceNo, body, answers: [], state };
    books.deliveries.push(delivery);
    if (books.deliveries.length > CAPACITY) books.deliveries.splice(0, books.deliveries.length - CAPACITY);
    books.saveSoon();
    return delivery;
  }

  async function attempt(delivery: Delivery): Promise<void> {
    const answer = await post(delivery.body);
    if (end.signal.aborted) return;
    delivery.answers.push(answer.status);
    const delay = parts.retryDelaysMs[delivery.answers.length - 1];
    if (isAcknowledged(answer)) delivery.state = 'delivered';
    else if (delay === undefined) delivery.state = 'given_up';
    else attemptAfter(delay, delivery);
    books.saveSoon();
  }

  function attemptAfter(delayMs: number, delivery: Delivery): void {
    const timer = setTimeout(() => {
      timers.delete(timer);
      void attempt(delivery);
    }, delayMs);
    timers.add(timer);
  }

  async function post(body: string, tampering?: Tampering): Promise<{ status: number; body: string }> {
    const minutesAgo = tampering === 'timestamp' ? 60 : 0;
    const timestamp = jakartaTime(new Date(books.clock.now().getTime() - minutesAgo * 60_000));
    const signature = signNotification(parts.privateKey, PATH, body, timestamp);
    try {
      const response = await fetch(`${parts.notificationUrl}${PATH}`, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'x-timestamp': timestamp,
          'x-signature': tampering === 'signature' ? Buffer.alloc(256, 7).toString('base64') : signature,
          'x-partner-id': parts.partnerId,
          'x-external-id': `${Date.now()}${randomInt(1_000_000, 9_999_999)}`,
          'channel-id': '12345',
        },
        body: tampering === 'amount' ? body.replace(/"value":"\d+/, '"value":"99999999') : body,
        redirect: 'manual',
        signal: AbortSignal.any([end.signal, AbortSignal.timeout(ATTEMPT_LIMIT_MS)]),
      });
      return { status: response.status, body: (await response.text()).slice(0, 4096) };
    } catch {
      return { status: 0, body: '' };
    }
  }

  function forget(): void {
    for (const timer of timers) clearTimeout(timer);
    timers.clear();
  }

  return {
    announce,
    forget,
    send(payment, tampering) {
      const merchantId = tampering === 'merchant' ? 'G000000000' : parts.merchantId;
      return post(JSON.stringify(notificationBody(payment, merchantId)), tampering);
    },
    async release(newestFirst) {
      const held = books.deliveries.filter((delivery) => delivery.state === 'held');
      for (const delivery of newestFirst ? held.reverse() : held) {
        delivery.state = 'waiting';
        await attempt(delivery);
      }
    },
    resume() {
      for (const delivery of books.deliveries) if (delivery.state === 'waiting') void attempt(delivery);
    },
    close() {
      end.abort();
      forget();
    },
  };
}

function isAcknowledged(answer: { status: number; body: string }): boolean {
  return answer.status === 200 && /"responseCode"\s*:\s*"200/.test(answer.body);
}

function notificationBody(payment: Payment, merchantId: string) {
  return {
    originalPartnerReferenceNo: payment.partnerReferenceNo,
    originalReferenceNo: payment.referenceNo,
    originalExternalId: payment.externalId,
    merchantId,
    amount: payment.amount,
    ...statusFields(payment),
    createdTime: jakartaTime(new Date(payment.createdAt)),
    ...(payment.finishedAt ? { finishedTime: jakartaTime(new Date(payment.finishedAt)) } : {}),
    additionalInfo: {
      payOptionDetails: [{ payMethod: 'GOPAY', payOption: 'GOPAY_WALLET', transAmount: payment.amount }],
      fraudStatus: 'accept',
      validUpTo: jakartaTime(new Date(payment.validUpTo)),
      refundHistory: refundHistory(payment),
    },
  };
}
