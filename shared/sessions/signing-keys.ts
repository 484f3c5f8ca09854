// The keys of access tokens: all services verify with the public ones; login and refresh sign with the private ones.

import { accessTokens, tokenSigningKeys } from '../platform/environment.ts';
import { signingKeys } from '../signing-keys.ts';

export const { publicKeys, signingKey } = signingKeys({
  publicKeys: { name: 'TOKEN_PUBLIC_KEYS', read: () => accessTokens().publicKeys },
  privateKeys: { name: 'TOKEN_SIGNING_KEYS', read: tokenSigningKeys },
});
