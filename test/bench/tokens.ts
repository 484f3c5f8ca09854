// Access tokens in bulk, as login signs them, with a key that lives as long as the run.

import { createHash } from 'node:crypto';
import { exportJWK, generateKeyPair, importJWK, type JWK, SignJWT } from 'jose';

/** The user and session of a token. */
export interface Person {
  userId: string;
  accountId: string;
  username: string;
  sessionId: string;
  type: 'user' | 'merchant';
}

export interface TokenKey {
  issuer: string;
  audience: string;
  /** With private members: only the load generator gets it. */
  signing: JWK & { kid: string };
  /** JWK set of the public key, for the functions. */
  publicKeys: string;
}

/** Longer than any run: a token that expires in between would be refused. */
const LIFETIME = '4h';

export async function makeTokenKey(issuer: string): Promise<TokenKey> {
  const { privateKey, publicKey } = await generateKeyPair('EdDSA', { crv: 'Ed25519', extractable: true });
  const kid = 'bench';
  const about = { kid, alg: 'EdDSA', use: 'sig' };
  return {
    issuer,
    audience: 'one-gate',
    signing: { ...(await exportJWK(privateKey)), ...about },
    publicKeys: JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), ...about }] }),
  };
}

/**
 * One token per person. Another `edition` makes other tokens for the same sessions: no instance has seen them before.
 */
export async function signTokens(key: TokenKey, people: readonly Person[], edition: number): Promise<string[]> {
  const signer = await importJWK(key.signing, 'EdDSA');
  return Promise.all(
    people.map((person) =>
      new SignJWT({
        account_id: person.accountId,
        user_type: person.type,
        username: person.username,
        sid: person.sessionId,
      })
        .setProtectedHeader({ alg: 'EdDSA', typ: 'at+jwt', kid: key.signing.kid })
        .setIssuer(key.issuer)
        .setAudience(key.audience)
        .setSubject(person.userId)
        .setIssuedAt()
        .setExpirationTime(LIFETIME)
        .setJti(uuidOf(`${edition}/${person.userId}`))
        .sign(signer),
    ),
  );
}

function uuidOf(text: string): string {
  const hex = createHash('sha256').update(text).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
