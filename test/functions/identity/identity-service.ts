import { generateKeyPairSync, type JsonWebKey, type KeyObject, randomBytes } from 'node:crypto';
import process from 'node:process';
import type { Served } from '../../../shared/platform/host/serve.ts';
import type { FunctionDeclaration } from '../../../shared/platform/http/function.ts';
import { randomPhone } from '../../setup/accounts.ts';
import { createTestDatabase, type TestDatabase } from '../../setup/database.ts';
import { createTestRedis } from '../../setup/redis.ts';

export const PASSWORD = 'kuda putih di tepi danau';
export const ISSUER = 'https://one-gate.test';
export const AUDIENCE = 'one-gate';

export interface TestKey {
  kid: string;
  privateKey: KeyObject;
  publicJwk: JsonWebKey;
  privateJwk: JsonWebKey;
}

export function makeKey(kid: string, signsFrom = '2026-01-01T00:00:00Z'): TestKey {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const members = { kid, alg: 'EdDSA', use: 'sig' };
  return {
    kid,
    privateKey,
    publicJwk: { ...publicKey.export({ format: 'jwk' }), ...members },
    privateJwk: { ...privateKey.export({ format: 'jwk' }), ...members, signs_from: signsFrom },
  };
}

export interface Answer {
  status: number;
  headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape.
  body: any;
  text: string;
}

export interface IdentityService {
  database: TestDatabase;
  key: TestKey;
  /**
   * Calls a function by its path. The address is this test file's own unless given, so that files do not share quotas.
   */
  call(path: string, request?: { method?: string; body?: unknown; headers?: Record<string, string> }): Promise<Answer>;
  close(): Promise<void>;
}

/** The functions' environment; set before they are imported. */
export async function prepareEnvironment(
  change: { database?: (url: string) => string; redis?: (url: string) => string } = {},
) {
  const database = await createTestDatabase();
  const redis = await createTestRedis();
  const key = makeKey('test-1');
  Object.assign(process.env, {
    DATABASE_URL: change.database?.(database.urls.identity) ?? database.urls.identity,
    UPSTASH_REDIS_REST_URL: change.redis?.(redis.url) ?? redis.url,
    UPSTASH_REDIS_REST_TOKEN: redis.token,
    PUBLIC_URL: ISSUER,
    TOKEN_ISSUER: ISSUER,
    TOKEN_AUDIENCE: AUDIENCE,
    TOKEN_PUBLIC_KEYS: JSON.stringify({ keys: [key.publicJwk] }),
    TOKEN_SIGNING_KEYS: JSON.stringify({ keys: [key.privateJwk] }),
    LOG_LEVEL: 'silent',
  });
  return { database, redis, key };
}

/** The functions of identity, and further ones, served on ports of their own with a database and a Redis of this test file. */
export async function serveIdentity(
  further: () => Promise<FunctionDeclaration[]> = async () => [],
  change?: Parameters<typeof prepareEnvironment>[0],
): Promise<IdentityService> {
  const { database, key } = await prepareEnvironment(change);
  const { serve } = await import('../../../shared/platform/host/serve.ts');
  const declarations: FunctionDeclaration[] = [
    (await import('../../../functions/identity/register.ts')).default,
    (await import('../../../functions/identity/login.ts')).default,
    (await import('../../../functions/identity/refresh.ts')).default,
    (await import('../../../functions/identity/logout.ts')).default,
    (await import('../../../functions/identity/jwks.ts')).default,
    ...(await further()),
  ];
  const served: Served[] = [];
  const ports = new Map<string, number>();
  for (const declaration of declarations) {
    const one = await serve([declaration], 0);
    served.push(one);
    ports.set(declaration.http?.route.split(' ')[1] ?? '', one.port);
  }
  const address = randomAddress();
  return {
    database,
    key,
    call: async (path, { method = 'POST', body, headers = {} } = {}) => {
      const response = await fetch(`http://127.0.0.1:${ports.get(path)}${path}`, {
        method,
        headers: {
          'x-real-ip': address,
          ...(body !== undefined && { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      });
      const text = await response.text();
      const isJson = response.headers.get('content-type')?.includes('json');
      return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : undefined, text };
    },
    close: async () => {
      await Promise.all(served.map((one) => one.drain()));
      await database.drop();
    },
  };
}

export function randomAddress(): string {
  return `10.${[...randomBytes(3)].join('.')}`;
}

let people = 0;

/** Details that no user has registered yet. */
export function newPerson() {
  const name = `person_${randomBytes(4).toString('hex')}_${++people}`;
  return { username: name, email: `${name}@example.com`, phone: randomPhone(), password: PASSWORD };
}

export async function registerAndLogIn(service: IdentityService) {
  const person = newPerson();
  const registered = await service.call('/v1/register', { body: person });
  const loggedIn = await service.call('/v1/login', { body: { identifier: person.username, password: PASSWORD } });
  if (registered.status !== 201 || loggedIn.status !== 200) throw new Error(registered.text + loggedIn.text);
  return { person, registered: registered.body.data, tokens: loggedIn.body.data };
}
