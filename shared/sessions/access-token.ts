// Access tokens: JWTs signed with Ed25519, valid for fifteen minutes. Their type at+jwt keeps other tokens from passing
// for one.

import { randomUUID } from 'node:crypto';
import * as v from 'valibot';
import { accessTokens } from '../platform/environment.ts';
import { createLocalJWKSet, errors, jwtVerify, SignJWT } from '../platform/packages/jose.ts';
import { publicKeys, signingKey } from './signing-keys.ts';

export const ACCESS_TOKEN_SECONDS = 15 * 60;
const TYPE = 'at+jwt';
/** Our tokens have some 700 characters. A longer one is refused without a signature check. */
const LONGEST_TOKEN = 2_048;

/** The user and the session of a token. */
export interface Caller {
  userId: string;
  accountId: string;
  username: string;
  type: 'user' | 'merchant';
  sessionId: string;
}

export interface VerifiedToken {
  caller: Caller;
  /** Unix time in milliseconds. */
  expiresAt: number;
}

const Claims = v.object({
  sub: v.pipe(v.string(), v.regex(/^[1-9]\d{0,18}$/)),
  sid: v.pipe(v.string(), v.uuid()),
  jti: v.pipe(v.string(), v.uuid()),
  account_id: v.pipe(v.string(), v.uuid()),
  username: v.string(),
  user_type: v.picklist(['user', 'merchant']),
});

export async function signAccessToken(caller: Caller): Promise<string> {
  const { issuer, audience } = accessTokens();
  const { kid, key } = await signingKey();
  const issuedAt = Math.floor(Date.now() / 1000);
  return new SignJWT({
    account_id: caller.accountId,
    user_type: caller.type,
    username: caller.username,
    sid: caller.sessionId,
  })
    .setProtectedHeader({ alg: 'EdDSA', typ: TYPE, kid })
    .setIssuer(issuer)
    .setAudience(audience)
    .setSubject(caller.userId)
    .setIssuedAt(issuedAt)
    .setExpirationTime(issuedAt + ACCESS_TOKEN_SECONDS)
    .setJti(randomUUID())
    .sign(key);
}

/**
 * Returns the caller, 'expired' for one of our tokens that is too old, and 'invalid' for anything else. It does not
 * check whether the session still lasts.
 */
export async function verifyAccessToken(token: string): Promise<VerifiedToken | 'expired' | 'invalid'> {
  if (token.length > LONGEST_TOKEN) return 'invalid';
  const { issuer, audience } = accessTokens();
  keys ??= createLocalJWKSet(publicKeys());
  try {
    const { payload, protectedHeader } = await jwtVerify(token, keys, {
      issuer,
      audience,
      typ: TYPE,
      // Only the key's algorithm is allowed. So a token cannot ask for `none`, or for HS256 with the public key as
      // secret.
      algorithms: ['EdDSA'],
      requiredClaims: ['exp', 'iat'],
    });
    const claims = v.safeParse(Claims, payload);
    if (!claims.success || !protectedHeader.kid) return 'invalid';
    const { sub, sid, account_id, username, user_type } = claims.output;
    return {
      caller: { userId: sub, accountId: account_id, username, type: user_type, sessionId: sid },
      expiresAt: (payload.exp ?? 0) * 1000,
    };
  } catch (error) {
    // jose checks the claims only after the signature is good.
    if (error instanceof errors.JWTExpired) return 'expired';
    if (error instanceof errors.JOSEError) return 'invalid';
    throw error;
  }
}

let keys: ReturnType<typeof createLocalJWKSet> | undefined;
