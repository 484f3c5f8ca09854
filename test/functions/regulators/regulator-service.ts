// The regulators' functions served in this process as their own role of the database, and a ledger that moves money as its own.

import { expect, jest } from '@jest/globals';
import pg from 'pg';
import { makeSigningKey } from '../../../knative/local/keys.ts';
import type { Served } from '../../../shared/platform/host/serve.ts';
import { keptOf, newApiKey } from '../../../shared/regulators/api-key.ts';
import { openAccount } from '../../setup/accounts.ts';
import type { TestDatabase } from '../../setup/database.ts';
import { type Answer, prepareEnvironment } from '../identity/identity-service.ts';
import { call } from '../wallet/wallet-service.ts';

type Movements = typeof import('../../setup/movements.ts');

export interface IssuedKey {
  key: string;
  keyId: string;
  serviceId: string;
}

export interface KeyOptions {
  consumer?: string;
  permissions?: string[];
  minute?: number;
  hour?: number;
  day?: number;
  networks?: string[];
}

export interface RegulatorService {
  database: TestDatabase;
  admin: pg.Client;
  /** Posted by the ledger, as functions post them. */
  movements: Movements;
  openWallet(options?: Parameters<typeof openAccount>[1]): ReturnType<typeof openAccount>;
  /** A key, written past the operators; of OJK with all permissions unless given. */
  issueKey(options?: KeyOptions): Promise<IssuedKey>;
  /** A request as the gateway passes it on. */
  ask(path: string, as: { key?: string; headers?: Record<string, string> }): Promise<Answer>;
  urlOf(path: string): string;
  /** One tick of a schedule, or an event; returns its status. */
  deliver(name: string, data?: unknown, type?: string): Promise<number>;
  /**
   * Until they hold all committed legs. Other tests write to the same server, and sums wait for its running
   * transactions.
   */
  bringSumsForward(): Promise<void>;
  /** The same of the access log's chains. */
  chainAll(): Promise<void>;
  rows<Row extends pg.QueryResultRow>(text: string, values?: unknown[]): Promise<Row[]>;
  /** Runs a statement past every trigger, as the owner of the machine could. */
  behindTriggers(text: string, values?: unknown[]): Promise<void>;
  close(): Promise<void>;
}

export const ADDRESS = '203.0.113.7';

const PATHS: [RegExp, string][] = [
  [/^\/v1\/regulator\/transactions\/export/, 'export-regulated-transactions'],
  [/^\/v1\/regulator\/transactions/, 'list-regulated-transactions'],
  [/^\/v1\/regulator\/report/, 'regulator-report'],
  [/^\/v1\/regulator\/access-log/, 'list-access-log'],
  [/^\/v1\/regulator\//, 'regulator-guide'],
];

export async function serveRegulators(): Promise<RegulatorService> {
  const { database } = await prepareEnvironment();
  const receipts = await makeSigningKey();
  Object.assign(process.env, {
    DATABASE_URL: database.urls.money,
    K_SINK: 'http://127.0.0.1:9/',
    RECEIPT_SIGNING_KEYS: receipts.signing,
    RECEIPT_PUBLIC_KEYS: receipts.published,
  });
  const movements = await import('../../setup/movements.ts');
  const { runShutdown } = await import('../../../shared/platform/shutdown.ts');
  (await import('../../../shared/platform/environment.ts')).database();
  // These modules use the money role by now; the functions get modules of their own.
  jest.resetModules();
  process.env['DATABASE_URL'] = database.urls.regulator;
  const { serve } = await import('../../../shared/platform/host/serve.ts');
  const served = new Map<string, Served>();
  for (const { default: declaration } of await Promise.all([
    import('../../../functions/regulators/list-regulated-transactions.ts'),
    import('../../../functions/regulators/export-regulated-transactions.ts'),
    import('../../../functions/regulators/regulator-report.ts'),
    import('../../../functions/regulators/list-access-log.ts'),
    import('../../../functions/regulators/regulator-guide.ts'),
    import('../../../functions/regulators/record-gateway-access.ts'),
    import('../../../functions/regulators/chain-access-log.ts'),
    import('../../../functions/regulators/advance-rollups.ts'),
  ])) {
    served.set(declaration.name, await serve([declaration], 0));
  }
  const admin = new pg.Client({ connectionString: database.adminUrl });
  await admin.connect();
  const portOf = (name: string) => served.get(name)?.port;
  const deliver: RegulatorService['deliver'] = async (name, data = {}, type = 'dev.knative.sources.ping') => {
    const response = await fetch(`http://127.0.0.1:${portOf(name)}/events`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'ce-specversion': '1.0',
        'ce-id': 'test',
        'ce-source': '/test',
        'ce-type': type,
      },
      body: JSON.stringify(data),
    });
    await response.text();
    return response.status;
  };
  const deliverUntilPast = async (name: string, place: string) => {
    const { rows } = await admin.query<{ next: string }>(
      'select pg_snapshot_xmax(pg_current_snapshot())::text as next',
    );
    for (;;) {
      expect(await deliver(name)).toBe(204);
      const there = await admin.query(`select where (${place}) >= $1::xid8`, [rows[0]?.next]);
      if (there.rowCount === 1) return;
    }
  };
  const urlOf = (path: string) =>
    `http://127.0.0.1:${portOf(PATHS.find(([form]) => form.test(path))?.[1] ?? '')}${path}`;
  return {
    database,
    admin,
    movements,
    urlOf,
    openWallet: (options) => openAccount(admin, options),
    issueKey: (options) => issueKey(admin, options),
    ask: (path, { key, headers }) =>
      call(urlOf(path), {
        method: 'GET',
        headers: {
          'x-real-ip': ADDRESS,
          'x-purpose-code': 'SUPERVISION',
          ...(key !== undefined && { 'x-api-key': key }),
          ...headers,
        },
      }),
    deliver,
    bringSumsForward: () => deliverUntilPast('advance-rollups', 'select position from report_cut'),
    chainAll: () => deliverUntilPast('chain-access-log', 'select below from api_access_chained'),
    rows: async (text, values) => (await admin.query(text, values)).rows,
    behindTriggers: async (text, values) => {
      await admin.query('begin');
      try {
        await admin.query('set local session_replication_role = replica');
        await admin.query(text, values);
        await admin.query('commit');
      } catch (error) {
        await admin.query('rollback');
        throw error;
      }
    },
    close: async () => {
      for (const each of served.values()) await each.drain();
      await runShutdown(() => undefined);
      await admin.end();
      await database.drop();
    },
  };
}

const COMPANIES: Record<string, string> = { ojk: 'Otoritas Jasa Keuangan', 'bank-indonesia': 'Bank Indonesia' };

async function issueKey(
  admin: pg.Client,
  {
    consumer = 'ojk',
    permissions = ['READ_TRANSACTIONS', 'READ_REPORTS'],
    minute = 100_000,
    hour,
    day,
    networks = ['203.0.113.0/24'],
  }: KeyOptions = {},
): Promise<IssuedKey> {
  const key = newApiKey();
  const { hash, gatewayDigest, hint } = keptOf(key);
  const { rows } = await admin.query<{ id: string; external_service_id: string }>(
    `with service as (
       insert into external_services (company, consumer, contact_email) values ($1, $2, 'someone@example.test')
       on conflict (consumer) do update set updated_at = now() returning id)
     insert into api_keys (external_service_id, key_name, key_hash, gateway_digest, hint, permissions, rate_limit_count, rate_limit_hour,
            rate_limit_day, allowed_networks)
     select id, 'test', $3, $4, $5, $6::text[]::permissions_enum[], $7, $8, $9, $10::text[]::inet[] from service returning id, external_service_id`,
    [
      COMPANIES[consumer] ?? consumer,
      consumer,
      hash,
      gatewayDigest,
      hint,
      permissions,
      minute,
      hour ?? null,
      day ?? null,
      networks,
    ],
  );
  return { key, keyId: rows[0]?.id ?? '', serviceId: rows[0]?.external_service_id ?? '' };
}
