// The wallet's functions served in this process, with people who have sessions and money.

import { randomUUID } from 'node:crypto';
import pg from 'pg';
import type { Served } from '../../../shared/platform/host/serve.ts';
import type { FunctionDeclaration } from '../../../shared/platform/http/function.ts';
import { openAccount, type TestAccount } from '../../setup/accounts.ts';
import type { TestDatabase } from '../../setup/database.ts';
import { type Answer, prepareEnvironment, type TestKey } from '../identity/identity-service.ts';

export interface Person extends TestAccount {
  token: string;
}

export interface WalletService {
  database: TestDatabase;
  admin: pg.Client;
  key: TestKey;
  openWallet(options?: Parameters<typeof openAccount>[1]): Promise<Person>;
  /** The address of each function. */
  urlOf(name: string): string;
  call(name: string, path: string, request?: CallOptions): Promise<Answer>;
  close(): Promise<void>;
}

export interface CallOptions {
  method?: string;
  as?: { token: string };
  key?: string;
  body?: unknown;
  headers?: Record<string, string>;
}

/** The functions run in this process, as one role of the database. */
export async function serveWallet(
  load: () => Promise<FunctionDeclaration[]>,
  role: 'money' | 'operator' = 'money',
): Promise<WalletService> {
  const { database, key } = await prepareEnvironment();
  // Nothing listens there: events stay in the outbox, where tests can read them.
  Object.assign(process.env, { DATABASE_URL: database.urls[role], K_SINK: 'http://127.0.0.1:9/' });
  const { serve } = await import('../../../shared/platform/host/serve.ts');
  const served = new Map<string, Served>();
  for (const declaration of await load()) served.set(declaration.name, await serve([declaration], 0));
  const urlOf = (name: string) => `http://127.0.0.1:${served.get(name)?.port}`;
  const admin = new pg.Client({ connectionString: database.adminUrl });
  await admin.connect();
  return {
    database,
    admin,
    key,
    openWallet: async (options) => {
      const account = await openAccount(admin, options);
      return { ...account, token: await logIn(admin, account, options?.type) };
    },
    urlOf,
    call: (name, path, request) => call(`${urlOf(name)}${path}`, request),
    close: async () => {
      for (const each of served.values()) await each.drain();
      await admin.end();
      await database.drop();
    },
  };
}

async function logIn(admin: pg.Client, { userId, accountId, username }: TestAccount, type = 'user'): Promise<string> {
  const { signAccessToken } = await import('../../../shared/sessions/access-token.ts');
  const { rows } = await admin.query<{ id: string }>(
    "insert into sessions (user_id, expires_at) values ($1, now() + interval '1 day') returning id",
    [userId],
  );
  const sessionId = rows[0]?.id ?? '';
  return signAccessToken({ userId, accountId, username, type: type === 'user' ? 'user' : 'merchant', sessionId });
}

/** One request; money moves with a new key unless one is given. */
export async function call(
  url: string,
  { method = 'POST', as, key = randomUUID(), body, headers = {} }: CallOptions = {},
) {
  const response = await fetch(url, {
    method,
    headers: {
      ...(as && { authorization: `Bearer ${as.token}` }),
      ...(method === 'POST' && key !== '' && { 'idempotency-key': key }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body !== undefined && {
      body: typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body),
    }),
  });
  const text = await response.text();
  const isJson = response.headers.get('content-type')?.includes('json');
  return {
    status: response.status,
    headers: response.headers,
    body: isJson ? JSON.parse(text) : undefined,
    text,
  } satisfies Answer;
}
