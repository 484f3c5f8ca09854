// The keys of access tokens: a JWK set of public ones that everybody verifies with, and one of private ones that login and refresh
// sign with. Each private key says from when it signs (`signs_from`), so that it can be handed out and published beforehand.

import { type CryptoKey, importJWK, type JSONWebKeySet, type JWK } from 'jose';
import { accessTokens, tokenSigningKeys } from '../environment.ts';

export interface SigningKey {
  kid: string;
  key: CryptoKey;
}

interface PrivateJwk extends JWK {
  kid: string;
  signsFrom: number;
}

/** The public keys as they are published: nothing but these members leaves the process, whatever was configured. */
export function publicKeys(): JSONWebKeySet {
  published ??= {
    keys: readSet(accessTokens().publicKeys, 'TOKEN_PUBLIC_KEYS').map(({ kid, x }) => ({
      kty: 'OKP',
      crv: 'Ed25519',
      use: 'sig',
      alg: 'EdDSA',
      kid,
      x: x ?? '',
    })),
  };
  return published;
}

let published: JSONWebKeySet | undefined;
let privateKeys: PrivateJwk[] | undefined;
const imported = new Map<string, Promise<SigningKey>>();

/**
 * The key that signs now: of those whose `signs_from` has passed the newest. One that is not among the published keys is passed over,
 * since nobody could verify what it signs.
 */
export function signingKey(now = Date.now()): Promise<SigningKey> {
  privateKeys ??= readPrivateKeys();
  const verifiable = new Set(publicKeys().keys.map(({ kid }) => kid));
  const [newest] = privateKeys
    .filter(({ kid, signsFrom }) => signsFrom <= now && verifiable.has(kid))
    .sort((one, other) => other.signsFrom - one.signsFrom);
  if (!newest) {
    throw new Error('TOKEN_SIGNING_KEYS has no key whose signs_from has passed and that TOKEN_PUBLIC_KEYS publishes.');
  }
  let key = imported.get(newest.kid);
  if (!key) {
    key = importKey(newest);
    imported.set(newest.kid, key);
  }
  return key;
}

async function importKey({ kid, crv, x, d }: PrivateJwk): Promise<SigningKey> {
  const key = await importJWK({ kty: 'OKP', crv, x, d } as JWK, 'EdDSA');
  return { kid, key: key as CryptoKey };
}

function readPrivateKeys(): PrivateJwk[] {
  return readSet(tokenSigningKeys(), 'TOKEN_SIGNING_KEYS').map((jwk) => {
    const signsFrom = Date.parse(String(jwk['signs_from'] ?? ''));
    if (Number.isNaN(signsFrom) || !jwk.d) {
      throw new Error(
        `The key ${jwk.kid} of TOKEN_SIGNING_KEYS must be private and say signs_from as an RFC 3339 time.`,
      );
    }
    return { ...jwk, signsFrom };
  });
}

function readSet(text: string, name: string): (JWK & { kid: string; signs_from?: unknown })[] {
  let set: JSONWebKeySet;
  try {
    set = JSON.parse(text);
  } catch {
    // The parser's message quotes what it read, which may be a private key.
    throw new Error(`${name} must be a JWK set as JSON text.`);
  }
  const keys = Array.isArray(set?.keys) ? set.keys : [];
  const usable = keys.filter((jwk): jwk is JWK & { kid: string } => {
    return jwk?.kty === 'OKP' && jwk.crv === 'Ed25519' && typeof jwk.kid === 'string' && typeof jwk.x === 'string';
  });
  if (usable.length === 0 || usable.length < keys.length) {
    throw new Error(`${name} must hold Ed25519 keys only (kty OKP, crv Ed25519), each with kid and x.`);
  }
  return usable;
}
