// GET /.well-known/receipt-keys.json: the public keys for checking receipts offline.

import { anyone, defineFunction } from '../../shared/platform/http/function.ts';
import { keySetReply, keySetSchema } from '../../shared/platform/http/key-set.ts';
import { publicKeys } from '../../shared/receipts/signing-keys.ts';

export default defineFunction({
  name: 'receipt-keys',
  summary: 'Public keys of receipts',
  description:
    'A JWK set (RFC 7517). A key appears here before it signs its first receipt and stays as long as its receipts ' +
    'may have to be checked: for years. Access tokens have other keys, at /.well-known/jwks.json.',
  uses: { receipts: 'publish' },
  http: {
    route: 'GET /.well-known/receipt-keys.json',
    limit: { perMinute: 300, by: 'address' },
    caller: anyone,
    answer: keySetSchema,
    status: 200,
    raw: 'application/json',
    errors: [],
    handle: async () => keySetReply(publicKeys()),
  },
});
