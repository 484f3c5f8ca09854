// Where Knative gives its sources tokens, a function takes an event for the token of a source of ours, and for nothing else.

import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type CryptoKey, exportJWK, generateKeyPair, SignJWT } from 'jose';
import * as v from 'valibot';
import type { Served } from '../../../../shared/platform/host/serve.ts';
import { defineFunction } from '../../../../shared/platform/http/function.ts';

const ISSUER = 'https://kubernetes.default.svc.cluster.local';
const SOURCE = 'proof-of-the-sources-0123456789abcdef';
const PING = 'system:serviceaccount:one-gate:keep-house-oidc-sources.knative.dev-pingsource';

let served: Served;
let ours: { privateKey: CryptoKey };
let others: { privateKey: CryptoKey };
const taken: string[] = [];

const keepHouse = defineFunction({
  name: 'keep-house',
  summary: 'Woken by a schedule',
  event: { types: ['ping'], data: v.looseObject({}), handle: async ({ id }) => void taken.push(id) },
});

beforeAll(async () => {
  const pair = await generateKeyPair('RS256');
  ours = pair;
  others = await generateKeyPair('RS256');
  Object.assign(process.env, {
    LOG_LEVEL: 'silent',
    K_SERVICE: 'keep-house',
    GATEWAY_PROOF: 'proof-of-the-gateway-0123456789abcdef',
    SOURCE_PROOF: SOURCE,
    EVENT_TOKEN_ISSUER: ISSUER,
    EVENT_TOKEN_AUDIENCE: 'one-gate',
    EVENT_TOKEN_NAMESPACE: 'one-gate',
    EVENT_TOKEN_PUBLIC_KEYS: JSON.stringify({
      keys: [{ ...(await exportJWK(pair.publicKey)), kid: 'cluster', alg: 'RS256' }],
    }),
  });
  const { serve } = await import('../../../../shared/platform/host/serve.ts');
  served = await serve([keepHouse], 0);
});
afterAll(() => served.drain());

async function tokenOf(claims: Record<string, unknown> = {}, signer = ours): Promise<string> {
  const { exp = Math.floor(Date.now() / 1000) + 600, ...rest } = claims;
  return new SignJWT({ iss: ISSUER, aud: ['one-gate'], sub: PING, exp: exp as number, ...rest })
    .setProtectedHeader({ alg: 'RS256', kid: 'cluster' })
    .sign(signer.privateKey);
}

async function send(headers: Record<string, string>): Promise<{ status: number; wasTaken: boolean }> {
  const id = randomUUID();
  const event = { 'ce-specversion': '1.0', 'ce-id': id, 'ce-type': 'ping', 'ce-source': '/ping' };
  const answer = await fetch(`http://127.0.0.1:${served.port}/events/keep-house`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...event, ...headers },
    body: '{}',
  });
  await answer.text();
  return { status: answer.status, wasTaken: taken.includes(id) };
}

test.each([
  ['as Knative names accounts now', PING],
  ['as older versions do', 'system:serviceaccount:one-gate:oidc-sources.knative.dev-pingsource-keep-house'],
])('a token in the name of a source of ours is a proof: %s', async (_what, sub) => {
  const authorization = `Bearer ${await tokenOf({ sub })}`;
  expect(await send({ authorization })).toEqual({ status: 204, wasTaken: true });
});

test.each<[string, () => Promise<Record<string, string>>]>([
  ['nothing', async () => ({})],
  ['the proof that counts elsewhere', async () => ({ 'ce-sourceproof': SOURCE })],
  ['no token', async () => ({ authorization: 'Bearer x' })],
  ['another scheme', async () => ({ authorization: `Basic ${await tokenOf()}` })],
  ['a token that somebody else has signed', async () => ({ authorization: `Bearer ${await tokenOf({}, others)}` })],
  ['one for another audience', async () => ({ authorization: `Bearer ${await tokenOf({ aud: 'shop' })}` })],
  ['one of another issuer', async () => ({ authorization: `Bearer ${await tokenOf({ iss: 'https://other' })}` })],
  ['one that has expired', async () => ({ authorization: `Bearer ${await tokenOf({ exp: 1_700_000_000 })}` })],
  ...[
    'system:serviceaccount:shop:keep-house-oidc-sources.knative.dev-pingsource',
    'system:serviceaccount:one-gate-staging:keep-house-oidc-sources.knative.dev-pingsource',
    'system:serviceaccount:one-gate:default',
    'oidc-',
  ].map((sub): [string, () => Promise<Record<string, string>>] => [
    `one in the name of ${sub}`,
    async () => ({ authorization: `Bearer ${await tokenOf({ sub })}` }),
  ]),
])('anything else is not: %s', async (_what, headersOf) => {
  expect(await send(await headersOf())).toEqual({ status: 403, wasTaken: false });
});
