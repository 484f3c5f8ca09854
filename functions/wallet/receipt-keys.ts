// GET /.well-known/receipt-keys.json: the public keys that receipts are checked with, by anybody and without us.

import * as v from 'valibot';
import { anyone, defineFunction } from '../../shared/http/function.ts';
import { publicKeys } from '../../shared/receipts/signing-keys.ts';

/** Whoever checks may keep the set for so long: a new key is published at least this long before it signs. */
const FRESH_SECONDS = 300;

export default defineFunction({
  name: 'receipt-keys',
  summary: 'Public keys of receipts',
  description:
    'A JWK set (RFC 7517). A key appears here before it signs its first receipt and stays for as long as its receipts may have to be ' +
    'checked: years. Access tokens have other keys, at /.well-known/jwks.json.',
  http: {
    route: 'GET /.well-known/receipt-keys.json',
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
