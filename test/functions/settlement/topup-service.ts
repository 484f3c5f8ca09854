// The functions of topping up, served in this process, with a GoPay that notifies them and a sink that hands events on as Kafka would.

import { randomUUID } from 'node:crypto';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import process from 'node:process';
import { newOperationId } from '../../../shared/ledger/rules/ids.ts';
import { parseAmount } from '../../../shared/money.ts';
import { eventually, merchantWithSimulator } from '../../sandbox/gopay/merchant.ts';
import type { Answer } from '../identity/identity-service.ts';
import { type Person, serveWallet, type WalletService } from '../wallet/wallet-service.ts';

export { eventually };

export interface SunkEvent {
  type: string;
  id: string;
  traceparent: string;
  sequence: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into events of every shape.
  data: any;
}

// biome-ignore lint/suspicious/noExplicitAny: as above.
type Row = any;
type Gopay = Awaited<ReturnType<typeof merchantWithSimulator>>;

export interface TopupService extends WalletService {
  gopay: Gopay;
  /** The published events, in order. */
  events: SunkEvent[];
  /** Whether settle-topup gets them; it does unless this is false. */
  settings: { deliver: boolean };
  topup(as: Person, more?: { amount?: string; key?: string; headers?: Record<string, string> }): Promise<Answer>;
  cancel(as: Person, transactionId: string, key?: string): Promise<Answer>;
  /** The transaction as its owner sees it. */
  transaction(as: Person, id: string): Promise<Row>;
  /** The same once it is no longer PENDING. */
  ended(as: Person, id: string): Promise<Row>;
  /** The provider's payment of each attempt, in their order. */
  paymentsOf(operationId: string): Promise<(ControlledPayment | undefined)[]>;
  /** Posts an event as a source would; returns the answer's status. */
  deliver(to: string, type: string, data: unknown, traceparent?: string): Promise<number>;
  /** One tick of reconcile-topups; returns its status. */
  reconcile(): Promise<number>;
  balanceOf(person: Person): Promise<string>;
  /** Rows of a statement run past the roles. */
  rows(text: string, values?: unknown[]): Promise<Row[]>;
  /** The answer of the work when its database goes away, for good as far as it can see. */
  withoutDatabase<Result>(work: Promise<Result>): Promise<Result>;
  /** Waits until nothing is on its way any more: no notification, no event, no settlement. */
  idle(): Promise<void>;
  /** Makes the top-up that much older, with no process working on it. */
  age(operationId: string, interval: string): Promise<void>;
}

type ControlledPayment = Awaited<ReturnType<Gopay['control']['payments']>>[number];

export async function serveTopups(): Promise<TopupService> {
  const wallet = await serveWallet(async () => [
    (await import('../../../functions/wallet/topup.ts')).default,
    (await import('../../../functions/wallet/cancel.ts')).default,
    (await import('../../../functions/wallet/get-transaction.ts')).default,
    (await import('../../../functions/settlement/receive-notification.ts')).default,
    (await import('../../../functions/settlement/settle-topup.ts')).default,
    (await import('../../../functions/settlement/reconcile-topups.ts')).default,
  ]);
  const gopay = await merchantWithSimulator({
    notificationUrl: `${wallet.urlOf('receive-notification')}/v1/notifications/gopay`,
  });
  const settings = { deliver: true };
  const events: SunkEvent[] = [];
  let delivering = 0;
  const sink = await openSink(async (headers, body) => {
    const event = {
      type: String(headers['ce-type']),
      id: String(headers['ce-id']),
      traceparent: String(headers['ce-traceparent']),
      sequence: String(headers['ce-sequence']),
      data: JSON.parse(body),
    };
    events.push(event);
    if (!settings.deliver) return;
    delivering++;
    await deliver('settle-topup', event.type, event.data, event.traceparent).finally(() => delivering--);
  });
  Object.assign(process.env, environmentOf(gopay), { K_SINK: sink.url });

  async function deliver(to: string, type: string, data: unknown, traceparent?: string): Promise<number> {
    const response = await fetch(`${wallet.urlOf(to)}/events`, {
      method: 'POST',
      headers: eventHeaders(type, traceparent),
      body: JSON.stringify(data),
    });
    return response.status;
  }

  const rows = async (text: string, values: unknown[] = []) => (await wallet.admin.query(text, values)).rows;
  const transaction = async (as: Person, id: string) =>
    (await wallet.call('get-transaction', `/v1/transactions/${id}`, { method: 'GET', as })).body.data.transaction;

  return {
    ...wallet,
    gopay,
    events,
    settings,
    deliver,
    rows,
    transaction,
    topup: (as, { amount = '150000', key = randomUUID(), headers = {} } = {}) =>
      wallet.call('topup', '/v1/topup', { as, key, headers, body: { amount, payment_method: 'GOPAY' } }),
    cancel: (as, transactionId, key = randomUUID()) =>
      wallet.call('cancel', '/v1/cancel', { as, key, body: { transaction_id: transactionId } }),
    ended: (as, id) =>
      eventually(async () => {
        const found = await transaction(as, id);
        return found.status !== 'PENDING' && found;
      }),
    paymentsOf: async (operationId) => {
      const text = 'select reference from topup_attempts where operation_id = $1 order by number';
      const attempts = await rows(text, [operationId]);
      const payments = await gopay.control.payments();
      return attempts.map(({ reference }) => payments.find((payment) => payment.partnerReferenceNo === reference));
    },
    reconcile: () => deliver('reconcile-topups', 'dev.knative.sources.ping', {}),
    balanceOf: async ({ accountId }) =>
      (await rows('select balance from accounts where id = $1', [accountId]))[0].balance,
    withoutDatabase: async (work) => {
      await rows(`alter database ${wallet.database.name} connection limit 0`);
      try {
        await rows(
          "select pg_terminate_backend(pid) from pg_stat_activity where usename like 'one\\_gate\\_%' and datname = current_database()",
        );
        return await work;
      } finally {
        await rows(`alter database ${wallet.database.name} connection limit -1`);
      }
    },
    idle: async () => {
      await eventually(async () => {
        const notifications = await gopay.control.notifications();
        if (notifications.some(({ state }) => state === 'waiting')) return false;
        const outbox = await rows('select 1 from outbox');
        return outbox.length === 0 && delivering === 0;
      });
    },
    age: async (operationId, interval) => {
      await rows(
        `update topups set created_at = created_at - $2::interval, look_at = look_at - $2::interval, leased_until = now()
          where operation_id = $1`,
        [operationId, interval],
      );
      await rows('update topup_attempts set expires_at = expires_at - $2::interval where operation_id = $1', [
        operationId,
        interval,
      ]);
    },
    close: async () => {
      await gopay.close();
      await wallet.close();
      await sink.close();
    },
  };
}

/** Only the opening, as a process leaves it that dies before it calls the provider. */
export async function openOnly(person: Person, key = randomUUID()): Promise<string> {
  const { post } = await import('../../../shared/ledger/posting/ledger.ts');
  const operationId = newOperationId();
  const request = JSON.stringify({ amount: '150000.00', payment_method: 'GOPAY' });
  await post({
    key: { accountId: person.accountId, key, function: 'topup', request },
    operationId,
    movement: {
      name: 'open',
      type: 'TOPUP',
      to: person.accountId,
      amount: parseAmount('150000.00'),
      currency: 'IDR',
      paymentMethod: 'GOPAY',
    },
    record: () => ({ data: null }),
  });
  return operationId;
}

export function eventHeaders(type: string, traceparent?: string): Record<string, string> {
  return {
    'content-type': 'application/json',
    'ce-specversion': '1.0',
    'ce-id': randomUUID(),
    'ce-source': '/test',
    'ce-type': type,
    ...(traceparent && { 'ce-traceparent': traceparent }),
  };
}

function environmentOf({ configuration }: Gopay): Record<string, string> {
  return {
    GOPAY_BASE_URL: configuration.baseUrl,
    GOPAY_CLIENT_ID: configuration.clientId,
    GOPAY_CLIENT_SECRET: configuration.clientSecret,
    GOPAY_PRIVATE_KEY: configuration.privateKey,
    GOPAY_PUBLIC_KEY: configuration.publicKey,
    GOPAY_MERCHANT_ID: configuration.merchantId,
    GOPAY_PARTNER_ID: configuration.partnerId,
    GOPAY_CHANNEL_ID: configuration.channelId,
  };
}

async function openSink(take: (headers: IncomingHttpHeaders, body: string) => Promise<void>) {
  const server: Server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    response.writeHead(204).end();
    await take(request.headers, Buffer.concat(chunks).toString()).catch(() => undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
