// The GoPay simulator as a part of the local platform: a process of its own, with keys that ours were made to fit.

import { join } from 'node:path';
import process from 'node:process';
import { ROOT } from '../functions.ts';
import type { Keys } from './keys.ts';
import { freePort } from './parts/free-port.ts';
import { startGuarded, stopLeftOver, waitUntilReady } from './parts/guarded-process.ts';

/** Below the public address; GoPay adds SNAP's own path, /v1.0/debit/notify. */
const NOTIFICATION_PATH = '/v1/notifications/gopay';

export interface Simulator {
  url: string;
  stop(): Promise<void>;
}

export interface SimulatorOptions {
  dataDirectory: string;
  publicUrl: string;
  keys: Keys;
  /** Wanted, not insisted on. */
  gopayPort?: number;
}

export async function startGopay({ dataDirectory, publicUrl, keys, gopayPort }: SimulatorOptions): Promise<Simulator> {
  const { gopay } = keys;
  const recordFile = join(dataDirectory, 'gopay.process');
  await stopLeftOver(recordFile, 'SIGTERM', 5);
  const port = await freePort(gopayPort);
  const url = `http://localhost:${port}`;
  const server = await startGuarded({
    name: 'The GoPay simulator',
    command: process.execPath,
    args: ['test/sandbox/gopay/server.ts'],
    directory: ROOT,
    environment: {
      PORT: String(port),
      PUBLIC_URL: url,
      NOTIFICATION_URL: publicUrl + NOTIFICATION_PATH,
      CLIENT_ID: gopay.clientId,
      CLIENT_SECRET: gopay.clientSecret,
      MERCHANT_ID: gopay.merchantId,
      PARTNER_ID: gopay.partnerId,
      MERCHANT_NAME: 'One Gate',
      MERCHANT_PUBLIC_KEY: gopay.ours.publicKey,
      PRIVATE_KEY: gopay.theirs.privateKey,
      STATE_FILE: join(dataDirectory, 'gopay.json'),
    },
    logFile: join(dataDirectory, 'logs', 'gopay.log'),
    recordFile,
    stopSignal: 'TERM',
    stopSeconds: 5,
  });
  await waitUntilReady(server, async () => ((await fetch(url)).status < 500 ? true : undefined), 20);
  return { url, stop: server.stop };
}
