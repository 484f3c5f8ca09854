// The answer of a login and a refresh, in the terms of OAuth 2.0.

import * as v from 'valibot';
import type { OpenedSession } from './session.ts';

export const TokenPair = v.object({
  access_token: v.pipe(v.string(), v.description('Send it as Authorization: Bearer. A JWT, signed with EdDSA.')),
  token_type: v.literal('Bearer'),
  expires_in: v.pipe(v.number(), v.integer(), v.description('Seconds.'), v.examples([900])),
  refresh_token: v.pipe(v.string(), v.description('Works once, at /v1/refresh. Keep it secret.')),
  refresh_expires_in: v.pipe(v.number(), v.integer(), v.description('Seconds.'), v.examples([604800])),
});

/** jose is loaded with the first token, or earlier by a request that waits anyway. */
const signer = () => import('./access-token.ts');

/** Loads the signer. The token that needs it handles a failure. */
export function prepareTokens(): void {
  signer().catch(() => undefined);
}

export async function tokenPair(session: OpenedSession): Promise<v.InferOutput<typeof TokenPair>> {
  const { ACCESS_TOKEN_SECONDS, signAccessToken } = await signer();
  return {
    access_token: await signAccessToken(session.caller),
    token_type: 'Bearer',
    expires_in: ACCESS_TOKEN_SECONDS,
    refresh_token: session.refreshToken,
    refresh_expires_in: session.refreshExpiresIn,
  };
}
