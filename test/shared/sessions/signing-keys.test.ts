import { beforeEach, expect, jest, test } from '@jest/globals';
import { decodeProtectedHeader } from 'jose';
import { AUDIENCE, ISSUER, makeKey } from '../../functions/identity/identity-service.ts';

const past = makeKey('past', '2026-01-01T00:00:00Z');
const present = makeKey('present', '2026-06-01T00:00:00Z');
const future = makeKey('future', '2126-01-01T00:00:00Z');

beforeEach(() => {
  jest.resetModules();
});

async function withKeys(published: object, signing: object) {
  Object.assign(process.env, {
    TOKEN_ISSUER: ISSUER,
    TOKEN_AUDIENCE: AUDIENCE,
    TOKEN_PUBLIC_KEYS: JSON.stringify(published),
    TOKEN_SIGNING_KEYS: JSON.stringify(signing),
  });
  return {
    ...(await import('../../../shared/sessions/signing-keys.ts')),
    ...(await import('../../../shared/sessions/access-token.ts')),
  };
}

const caller = {
  userId: '1',
  accountId: '0190a000-0000-7000-8000-000000000001',
  username: 'ada',
  type: 'user',
  sessionId: '0190a000-0000-7000-8000-000000000002',
} as const;

const everyPublic = { keys: [past.publicJwk, present.publicJwk, future.publicJwk] };
const everyPrivate = { keys: [future.privateJwk, past.privateJwk, present.privateJwk] };

test('the newest key whose time has come signs, and tokens of the key before are still good', async () => {
  const { signAccessToken, verifyAccessToken, signingKey } = await withKeys(everyPublic, everyPrivate);
  const token = await signAccessToken(caller);
  expect(decodeProtectedHeader(token).kid).toBe('present');
  expect(await verifyAccessToken(token)).toMatchObject({ caller });
  expect((await signingKey(Date.parse('2026-05-31T23:59:59Z'))).kid).toBe('past');
  expect((await signingKey(Date.parse('2126-01-01T00:00:00Z'))).kid).toBe('future');
});

test('an unpublished key does not sign, whatever its time', async () => {
  const { signAccessToken } = await withKeys({ keys: [past.publicJwk] }, everyPrivate);
  expect(decodeProtectedHeader(await signAccessToken(caller)).kid).toBe('past');
});

test('without a key for today nothing is signed', async () => {
  const { signAccessToken } = await withKeys(everyPublic, { keys: [future.privateJwk] });
  await expect(signAccessToken(caller)).rejects.toThrow('TOKEN_SIGNING_KEYS has no key');
});

test('a private key among the public ones is not published', async () => {
  const { publicKeys } = await withKeys({ keys: [past.privateJwk] }, everyPrivate);
  expect(JSON.stringify(publicKeys())).not.toContain(String(past.privateJwk.d));
  expect(publicKeys().keys).toHaveLength(1);
});

test.each(['', 'not json', '{"keys":[]}', '{"keys":[{"kty":"RSA"}]}', 'null', '[]'])(
  'a key set like %p is refused with the name of the setting and without its text',
  async (text) => {
    const { publicKeys } = await withKeys(everyPublic, everyPrivate);
    process.env['TOKEN_PUBLIC_KEYS'] = text;
    expect(publicKeys).toThrow('TOKEN_PUBLIC_KEYS');
  },
);
