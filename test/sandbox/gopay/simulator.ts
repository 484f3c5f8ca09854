// The GoPay simulator: one HTTP server with the SNAP API, the payer's pages, a control API, and the notifications it sends.

import { createPrivateKey, createPublicKey } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createApi } from './api.ts';
import { createClock } from './clock.ts';
import { createNotifications } from './notifications.ts';
import { openBooks, type Payment } from './payments.ts';
import { handleRequest } from './requests.ts';
import { defaultSettings } from './settings.ts';

const EXPIRY_CHECK_MS = 1000;
const RETRY_DELAYS_MS = [1000, 5000, 15_000, 60_000, 300_000];

export interface GopaySimulatorOptions {
  /** 0, the default, takes a free one. */
  port?: number;
  /** The address to listen on, 127.0.0.1 unless given. */
  host?: string;
  /** How a payer's browser reaches it, without a trailing slash; the address it listens on unless given. */
  publicUrl?: string;
  /** The merchant's address for notifications; `/v1.0/debit/notify` is added to it. */
  notificationUrl: string;
  clientId: string;
  clientSecret: string;
  merchantId: string;
  partnerId: string;
  merchantName?: string;
  /** The merchant's, PEM: verifies its requests for tokens. */
  merchantPublicKey: string;
  /** The provider's, PEM: signs notifications. */
  privateKey: string;
  /** Waits between attempts to notify; after the last one it gives up. */
  retryDelaysMs?: readonly number[];
  /** The file of payments, kept over restarts; only in memory unless given. */
  stateFile?: string;
}

export interface GopaySimulator {
  /** Where it listens, without a trailing slash. */
  url: string;
  close(): Promise<void>;
}

export async function startGopaySimulator(options: GopaySimulatorOptions): Promise<GopaySimulator> {
  const { host = '127.0.0.1', clientId, clientSecret, merchantId, partnerId, merchantName = 'One Gate' } = options;
  const books = openBooks(createClock(), options.stateFile);
  const settings = defaultSettings();
  const notifications = createNotifications({
    books,
    settings,
    merchantId,
    partnerId,
    privateKey: createPrivateKey(options.privateKey),
    notificationUrl: options.notificationUrl,
    retryDelaysMs: options.retryDelaysMs ?? RETRY_DELAYS_MS,
  });
  const moved = (payment: Payment) => notifications.announce(payment);
  const publicKey = createPublicKey(options.merchantPublicKey);
  const merchant = { clientId, clientSecret, publicKey, merchantId, partnerId, name: merchantName };
  let url = '';
  const api = createApi({ books, settings, merchant, moved, publicUrl: () => options.publicUrl ?? url });
  const parts = { books, settings, api, notifications, merchantName };
  const server = createServer((request, response) => void handleRequest(parts, request, response));

  const expiry = setInterval(() => {
    for (const payment of books.payments()) if (books.expire(payment)) moved(payment);
  }, EXPIRY_CHECK_MS);

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? 0, host, resolve);
  });
  url = `http://${host}:${(server.address() as AddressInfo).port}`;
  notifications.resume();

  return {
    url,
    async close() {
      clearInterval(expiry);
      notifications.close();
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
      books.save();
    },
  };
}
