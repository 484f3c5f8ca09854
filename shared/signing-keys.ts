// Sets of Ed25519 keys: a public JWK set, which is published for verifiers, and a private one, which signs. Each
// private key names the time from which it signs (`signs_from`), so that it can be distributed and published before
// that.

import type { CryptoKey, JSONWebKeySet, JWK } from 'jose';
import { importJWK } from './platform/packages/jose.ts';

export interface SigningKey {
  kid: string;
  key: CryptoKey;
}

/**
 * JWK sets as JSON text. A set is read when it is first needed, because a function that only publishes has no private
 * keys.
 */
export interface ConfiguredKeys {
  publicKeys: { name: string; read(): string };
  privateKeys: { name: string; read(): string };
}

export interface SigningKeys {
  /** The public keys for publishing. Only these members leave the process, even if the configuration holds more. */
  publicKeys(): JSONWebKeySet;
  /**
   * The newest key whose `signs_from` has passed. A key that is not published is skipped, since its signatures could
   * not be verified.
   */
  signingKey(now?: number): Promise<SigningKey>;
}

interface PrivateJwk extends JWK {
  kid: string;
  signsFrom: number;
}

export function signingKeys(configured: ConfiguredKeys): SigningKeys {
  let published: JSONWebKeySet | undefined;
  let privateKeys: PrivateJwk[] | undefined;
  const imported = new Map<string, Promise<SigningKey>>();

  const publicKeys = () => {
    published ??= { keys: readSet(configured.publicKeys).map(publicMembers) };
    return published;
  };

  const signingKey = (now = Date.now()) => {
    privateKeys ??= readPrivateKeys(configured.privateKeys);
    const verifiable = new Set(publicKeys().keys.map(({ kid }) => kid));
    const [newest] = privateKeys
      .filter(({ kid, signsFrom }) => signsFrom <= now && verifiable.has(kid))
      .sort((one, other) => other.signsFrom - one.signsFrom);
    if (!newest) {
      const { privateKeys, publicKeys } = configured;
      throw new Error(
        `${privateKeys.name} has no key whose signs_from has passed and that ${publicKeys.name} publishes.`,
      );
    }
    let key = imported.get(newest.kid);
    if (!key) {
      key = importKey(newest);
      imported.set(newest.kid, key);
    }
    return key;
  };

  return { publicKeys, signingKey };
}

function publicMembers({ kid, x }: JWK): JWK {
  return { kty: 'OKP', crv: 'Ed25519', use: 'sig', alg: 'EdDSA', kid: kid ?? '', x: x ?? '' };
}

async function importKey({ kid, crv, x, d }: PrivateJwk): Promise<SigningKey> {
  const key = await importJWK({ kty: 'OKP', crv, x, d } as JWK, 'EdDSA');
  return { kid, key: key as CryptoKey };
}

function readPrivateKeys(configured: ConfiguredKeys['privateKeys']): PrivateJwk[] {
  return readSet(configured).map((jwk) => {
    const signsFrom = Date.parse(String(jwk['signs_from'] ?? ''));
    if (Number.isNaN(signsFrom) || !jwk.d) {
      throw new Error(
        `The key ${jwk.kid} of ${configured.name} must be private and say signs_from as an RFC 3339 time.`,
      );
    }
    return { ...jwk, signsFrom };
  });
}

function readSet({ name, read }: ConfiguredKeys['publicKeys']): (JWK & { kid: string; signs_from?: unknown })[] {
  const text = read();
  let set: JSONWebKeySet;
  try {
    set = JSON.parse(text);
  } catch {
    // The parser's message is dropped because it quotes the text, which may be a private key.
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
