// A JWK set (RFC 7517) of Ed25519 keys, as a function publishes it.

import type { JSONWebKeySet } from 'jose';
import * as v from 'valibot';

/** How long verifiers may keep the set. A new key is published at least this long before it signs. */
const FRESH_SECONDS = 300;

export const keySetSchema = v.object({
  keys: v.array(
    v.object({
      kty: v.literal('OKP'),
      crv: v.literal('Ed25519'),
      use: v.literal('sig'),
      alg: v.literal('EdDSA'),
      kid: v.string(),
      x: v.string(),
    }),
  ),
});

export function keySetReply(keys: JSONWebKeySet) {
  return {
    raw: JSON.stringify(keys),
    contentType: 'application/json',
    headers: { 'cache-control': `public, max-age=${FRESH_SECONDS}` },
  };
}
