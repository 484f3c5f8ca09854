// The token of a source, if Knative gives its sources tokens (feature `authentication-oidc`).

import type { JSONWebKeySet } from 'jose';
import type { EventTokens } from '../environment.ts';
import { createLocalJWKSet, jwtVerify } from '../packages/jose.ts';

/** The algorithms that Kubernetes signs tokens of service accounts with; the cluster's set-up decides which. */
const ALGORITHMS = ['RS256', 'ES256'];

let keys: ReturnType<typeof createLocalJWKSet> | undefined;

/**
 * Whether the cluster has issued the token for us, to a source of ours. The subject decides: any pod of the cluster
 * gets a token for any audience, but only in the name of its own account. Knative names the account of a source
 * `<source>-oidc-<kind>`, older versions `oidc-<kind>-<source>`.
 */
export async function isTokenOfSource(
  authorization: string | string[] | undefined,
  known: EventTokens,
): Promise<boolean> {
  const token = typeof authorization === 'string' ? /^Bearer ([\w.-]+)$/i.exec(authorization)?.[1] : undefined;
  if (token === undefined) return false;
  const { issuer, audience } = known;
  try {
    keys ??= createLocalJWKSet(JSON.parse(known.publicKeys) as JSONWebKeySet);
    const { payload } = await jwtVerify(token, keys, {
      issuer,
      audience,
      algorithms: ALGORITHMS,
      requiredClaims: ['exp', 'sub'],
      clockTolerance: 5,
    });
    const [ours, account] = [`system:serviceaccount:${known.namespace}:`, payload.sub ?? ''];
    return account.startsWith(ours) && account.includes('oidc-', ours.length);
  } catch {
    return false;
  }
}
