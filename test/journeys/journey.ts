// A person who knows only the gateway's address.

import { randomBytes, randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { ROOT } from '../../knative/functions.ts';
import { type Platform, startPlatform } from '../../knative/local/platform.ts';

export const PASSWORD = 'tujuh belas kelereng biru';

export interface Answer {
  status: number;
  headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: journeys look into answers of every shape.
  body: any;
}

export interface Traveller {
  username: string;
  accountId: string;
  accessToken: string;
  refreshToken: string;
  get(path: string): Promise<Answer>;
  /** Sends a new Idempotency-Key unless one is given. */
  post(path: string, body?: unknown, key?: string): Promise<Answer>;
}

/** The platform that `make up` starts, with the bundles of `make build` and an autoscaler that decides sooner. */
export function startJourneyPlatform(dataDirectory: string): Promise<Platform> {
  return startPlatform({ dataDirectory, bundles: join(ROOT, '.build'), tickMs: 500 });
}

export async function ask(
  url: string,
  method: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const response = await fetch(url, {
    method,
    headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  // A single JSON document, not lines of JSON.
  const isJson = /[/+]json\b/.test(response.headers.get('content-type') ?? '');
  return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text };
}

/** Registers and logs in. */
export async function arrive(gateway: string, type: 'user' | 'merchant' = 'user'): Promise<Traveller> {
  const username = `${type}_${randomBytes(5).toString('hex')}`;
  const phone = `+628${String(randomBytes(5).readUIntBE(0, 5)).padStart(11, '1').slice(0, 11)}`;
  const registered = await ask(`${gateway}/v1/register`, 'POST', {
    username,
    email: `${username}@example.com`,
    phone,
    password: PASSWORD,
    type,
  });
  if (registered.status !== 201) throw new Error(`registering: ${JSON.stringify(registered.body)}`);
  const loggedIn = await ask(`${gateway}/v1/login`, 'POST', { identifier: username, password: PASSWORD });
  if (loggedIn.status !== 200) throw new Error(`logging in: ${JSON.stringify(loggedIn.body)}`);
  const { access_token: accessToken, refresh_token: refreshToken } = loggedIn.body.data;
  const authorization = `Bearer ${accessToken}`;
  return {
    username,
    accountId: registered.body.data.account.id,
    accessToken,
    refreshToken,
    get: (path) => ask(`${gateway}${path}`, 'GET', undefined, { authorization }),
    post: (path, body, key = randomUUID()) =>
      ask(`${gateway}${path}`, 'POST', body, { authorization, 'idempotency-key': key }),
  };
}

/**
 * Calls `look` until it finds something, four times a second because of the gateway's quotas; the test's own timeout is
 * the limit.
 */
export async function until<Found>(look: () => Promise<Found | undefined | false>): Promise<Found> {
  for (;;) {
    const found = await look();
    if (found) return found;
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}
