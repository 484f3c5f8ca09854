// A merchant for the tests of the simulator and of the adapter: keys on both sides, a running simulator, and an address
// for its notifications that keeps them.

import { generateKeyPairSync } from 'node:crypto';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { GopayConfiguration } from '../../../shared/providers/gopay/gopay.ts';
import { gopayControl } from './control-client.ts';
import { type GopaySimulatorOptions, startGopaySimulator } from './simulator.ts';

export interface ReceivedNotification {
  headers: IncomingHttpHeaders;
  path: string;
  rawBody: Buffer;
  body: Record<string, unknown>;
}

function keyPair() {
  return generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
}

export async function merchantWithSimulator(options: Partial<GopaySimulatorOptions> = {}) {
  const ours = keyPair();
  const theirs = keyPair();
  const received: ReceivedNotification[] = [];
  /** Statuses of the answers to the next notifications; 200 when there are none left. */
  const answers: number[] = [];

  const shop = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    const rawBody = Buffer.concat(chunks);
    received.push({ headers: request.headers, path: request.url ?? '', rawBody, body: JSON.parse(rawBody.toString()) });
    const status = answers.shift() ?? 200;
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ responseCode: `${status}5600`, responseMessage: 'Answered' }));
  });
  await new Promise<void>((resolve) => shop.listen(0, '127.0.0.1', resolve));
  const shopUrl = `http://127.0.0.1:${(shop.address() as AddressInfo).port}`;

  const simulatorOptions: GopaySimulatorOptions = {
    notificationUrl: `${shopUrl}/v1/notifications/gopay`,
    clientId: 'one-gate-client',
    clientSecret: 'a secret between two tests',
    merchantId: 'G099333790',
    partnerId: 'one-gate',
    merchantName: 'Warung <Ibu> & "Sons"',
    merchantPublicKey: ours.publicKey,
    privateKey: theirs.privateKey,
    retryDelaysMs: [1, 1, 1],
    ...options,
  };
  const simulator = await startGopaySimulator(simulatorOptions);

  const configuration: GopayConfiguration = {
    baseUrl: simulator.url,
    clientId: simulatorOptions.clientId,
    clientSecret: simulatorOptions.clientSecret,
    privateKey: ours.privateKey,
    publicKey: theirs.publicKey,
    merchantId: simulatorOptions.merchantId,
    partnerId: simulatorOptions.partnerId,
    channelId: '12345',
  };
  return {
    simulator,
    simulatorOptions,
    configuration,
    control: gopayControl(simulator.url),
    shopUrl,
    received,
    answers,
    async close() {
      await simulator.close();
      shop.closeAllConnections();
      await new Promise((resolve) => shop.close(resolve));
    },
  };
}

/** Calls `read` again and again until it returns something; the test's own time limit ends it. */
export async function eventually<Value>(read: () => Value | Promise<Value>): Promise<NonNullable<Value>> {
  for (;;) {
    const value = await read();
    if (value) return value;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
