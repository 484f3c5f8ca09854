// GET /.well-known/jwks.json: the public keys for verifying access tokens. Kong, merchants' servers and JOSE libraries
// read it.

import { anyone, defineFunction } from '../../shared/platform/http/function.ts';
import { keySetReply, keySetSchema } from '../../shared/platform/http/key-set.ts';
import { publicKeys } from '../../shared/sessions/signing-keys.ts';

export default defineFunction({
  name: 'jwks',
  summary: 'Public keys of access tokens',
  description:
    'A JWK set (RFC 7517). A key appears here before it signs its first token and stays until its last one has ' +
    'expired.',
  uses: { accessTokens: 'verify' },
  http: {
    route: 'GET /.well-known/jwks.json',
    limit: { perMinute: 300, by: 'address' },
    caller: anyone,
    answer: keySetSchema,
    status: 200,
    raw: 'application/json',
    errors: [],
    handle: async () => keySetReply(publicKeys()),
  },
});
