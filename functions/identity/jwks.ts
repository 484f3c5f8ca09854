// GET /.well-known/jwks.json: the public keys that access tokens are verified with, for Kong, merchants' servers and any JOSE library.

import * as v from 'valibot';
import { anyone, defineFunction } from '../../shared/http/function.ts';
import { publicKeys } from '../../shared/sessions/signing-keys.ts';

/** Verifiers may keep the set for so long: a new key is published at least this long before it signs. */
const FRESH_SECONDS = 300;

export default defineFunction({
  name: 'jwks',
  summary: 'Public keys of access tokens',
  description:
    'A JWK set (RFC 7517). A key appears here before it signs its first token and stays until its last one has expired.',
  http: {
    route: 'GET /.well-known/jwks.json',
    caller: anyone,
    answer: v.object({
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
    }),
    status: 200,
    raw: 'application/json',
    errors: [],
    handle: async () => ({
      raw: JSON.stringify(publicKeys()),
      contentType: 'application/json',
      headers: { 'cache-control': `public, max-age=${FRESH_SECONDS}` },
    }),
  },
});
