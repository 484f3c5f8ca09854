import { createHmac, sign } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { decodeJwt } from 'jose';
import {
  AUDIENCE,
  type IdentityService,
  ISSUER,
  makeKey,
  registerAndLogIn,
  serveIdentity,
} from './identity-service.ts';

let service: IdentityService;

beforeAll(async () => {
  service = await serveIdentity();
});
afterAll(() => service.close());

const logOut = (authorization?: string) =>
  service.call('/v1/logout', { headers: authorization === undefined ? {} : { authorization } });

test('a logout ends the session it is sent with and no other', async () => {
  const { person, tokens } = await registerAndLogIn(service);
  const elsewhere = await service.call('/v1/login', {
    body: { identifier: person.email, password: person.password },
  });
  const left = await logOut(`Bearer ${tokens.access_token}`);
  expect([left.status, left.text]).toEqual([204, '']);

  const again = await logOut(`Bearer ${tokens.access_token}`);
  expect([again.status, again.body.code]).toEqual([401, 'session_ended']);
  expect(again.headers.get('www-authenticate')).toContain('error="invalid_token"');
  const refreshed = await service.call('/v1/refresh', { body: { refresh_token: tokens.refresh_token } });
  expect(refreshed.status).toBe(401);

  const other = elsewhere.body.data;
  expect((await service.call('/v1/refresh', { body: { refresh_token: other.refresh_token } })).status).toBe(200);
  expect((await logOut(`bearer ${other.access_token}`)).status).toBe(204);
});

test('without a token the challenge names the scheme; with one that is not ours it says invalid_token', async () => {
  const { tokens } = await registerAndLogIn(service);
  const claims = decodeJwt(tokens.access_token);
  const now = Math.floor(Date.now() / 1000);
  const other = makeKey('test-1');
  const stranger = makeKey('stranger');
  const [head = '', body = '', signature = ''] = tokens.access_token.split('.');
  const header = { alg: 'EdDSA', typ: 'at+jwt', kid: 'test-1' };
  const ours = (change: object, headerChange: object = {}) =>
    jwt({ ...header, ...headerChange }, { ...claims, ...change }, (data) => sign(null, data, service.key.privateKey));
  const hmac = (secret: string | Buffer) =>
    jwt({ ...header, alg: 'HS256' }, claims, (data) => createHmac('sha256', secret).update(data).digest());
  const publicKey = String(service.key.publicJwk.x);

  // The helper itself makes good tokens; each case below differs in one thing.
  expect((await logOut(`Bearer ${ours({ sid: claims['sid'] })}`)).status).toBe(204);

  const missing = await logOut();
  expect([missing.status, missing.body.code]).toEqual([401, 'unauthorized']);
  expect(missing.headers.get('www-authenticate')).toBe('Bearer realm="one-gate"');

  const refused: Record<string, string> = {
    'no token': 'Bearer',
    'another scheme': `Basic ${tokens.access_token}`,
    'no scheme': tokens.access_token,
    garbage: 'Bearer garbage',
    'three garbled parts': 'Bearer a.b.c',
    'a refresh token': `Bearer ${tokens.refresh_token}`,
    'a cut-off signature': `Bearer ${head}.${body}.${signature.slice(0, -4)}`,
    'no signature': `Bearer ${head}.${body}.`,
    'another body under a good signature': `Bearer ${head}.${encode({ ...claims, sub: '1' })}.${signature}`,
    'alg none': `Bearer ${encode({ ...header, alg: 'none' })}.${body}.`,
    'alg none with a signature': `Bearer ${encode({ ...header, alg: 'none' })}.${body}.${signature}`,
    'HS256 with the public key': `Bearer ${hmac(publicKey)}`,
    'HS256 with the bytes of the public key': `Bearer ${hmac(Buffer.from(publicKey, 'base64url'))}`,
    'HS256 with the public key set': `Bearer ${hmac(JSON.stringify({ keys: [service.key.publicJwk] }))}`,
    'our kid, another key': `Bearer ${jwt(header, claims, (data) => sign(null, data, other.privateKey))}`,
    'an unknown kid': `Bearer ${jwt({ ...header, kid: 'stranger' }, claims, (data) => sign(null, data, stranger.privateKey))}`,
    'a key brought along': `Bearer ${jwt({ ...header, kid: undefined, jwk: stranger.publicJwk }, claims, (data) => sign(null, data, stranger.privateKey))}`,
    'no kid': `Bearer ${ours({}, { kid: undefined })}`,
    'another type of token': `Bearer ${ours({}, { typ: 'JWT' })}`,
    'no type': `Bearer ${ours({}, { typ: undefined })}`,
    'another issuer': `Bearer ${ours({ iss: 'https://elsewhere.test' })}`,
    'another audience': `Bearer ${ours({ aud: 'elsewhere' })}`,
    'no audience': `Bearer ${ours({ aud: undefined })}`,
    'no expiry': `Bearer ${ours({ exp: undefined })}`,
    'not valid yet': `Bearer ${ours({ nbf: now + 60 })}`,
    'no subject': `Bearer ${ours({ sub: undefined })}`,
    'a subject that is no user': `Bearer ${ours({ sub: "1' or '1'='1" })}`,
    'no session': `Bearer ${ours({ sid: undefined })}`,
    'no account': `Bearer ${ours({ account_id: undefined })}`,
    'critical extensions': `Bearer ${ours({}, { crit: ['b64'], b64: false })}`,
    'a long one': `Bearer ${ours({ padding: 'x'.repeat(4_000) })}`,
  };
  for (const [what, authorization] of Object.entries(refused)) {
    const answer = await logOut(authorization);
    expect([what, answer.status, answer.body?.code]).toEqual([what, 401, 'unauthorized']);
    expect(answer.headers.get('www-authenticate')).toMatch(/^Bearer realm="one-gate", error="invalid_token"/);
    expect(answer.text).not.toMatch(/jose|JWS|JWT|stack/);
  }

  const expired = await logOut(`Bearer ${ours({ iat: now - 1000, exp: now - 1 })}`);
  expect([expired.status, expired.body.code]).toEqual([401, 'token_expired']);
  expect(expired.headers.get('www-authenticate')).toContain('error="invalid_token"');
  // A forger of an expired token learns nothing from it.
  const forged = await logOut(
    `Bearer ${jwt(header, { ...claims, exp: now - 1 }, (data) => sign(null, data, other.privateKey))}`,
  );
  expect(forged.body.code).toBe('unauthorized');
  expect([ISSUER, AUDIENCE]).toEqual([claims.iss, claims.aud]);
});

function jwt(header: object, claims: object, signer: (data: Buffer) => Buffer): string {
  const data = `${encode(header)}.${encode(claims)}`;
  return `${data}.${signer(Buffer.from(data)).toString('base64url')}`;
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
