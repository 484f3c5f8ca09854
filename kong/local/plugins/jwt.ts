// jwt: verifies access tokens as Kong's plugin does, with the key that the token's kid names and only with that key's
// own algorithm. Kong cannot check issuer, audience and revocation; functions do.

import { compactVerify, decodeJwt, decodeProtectedHeader, type JWTPayload } from 'jose';
import * as v from 'valibot';
import type { Credential, Exchange, Exit, Ground, Handler } from '../plugin.ts';

export const schema = v.strictObject({
  key_claim_name: v.string(),
  claims_to_verify: v.optional(v.array(v.picklist(['exp', 'nbf'])), []),
  maximum_expiration: v.optional(v.pipe(v.number(), v.minValue(0)), 0),
  // Only tokens in the header are played: tokens in addresses and cookies end up in logs, and browsers send them
  // unasked.
  uri_param_names: v.pipe(v.array(v.string()), v.maxLength(0, 'must be []: tokens in addresses are not played')),
  cookie_names: v.optional(v.pipe(v.array(v.string()), v.maxLength(0, 'must be []: cookies are not played')), []),
  realm: v.optional(v.string()),
});

type Config = v.InferOutput<typeof schema>;

export function create(config: Config, ground: Ground): Handler {
  const scheme = config.realm ? `Bearer realm="${config.realm}"` : 'Bearer';
  const refuse = ({ body, error }: Refused): Exit => ({
    status: 401,
    body: JSON.stringify(body),
    headers: {
      'content-type': 'application/json; charset=utf-8',
      // Kong writes no comma here.
      'www-authenticate': error === undefined ? scheme : `${scheme} error="${error}"`,
    },
  });

  return {
    priority: 1450,
    async access(exchange) {
      const result = await authenticate(exchange, config, ground.credentials);
      if (result instanceof Refused) return refuse(result);
      const { consumer, key } = result;
      exchange.consumer = consumer;
      exchange.headers['x-consumer-username'] = consumer.username;
      if (consumer.customId) exchange.headers['x-consumer-custom-id'] = consumer.customId;
      exchange.headers['x-credential-identifier'] = key;
      return undefined;
    },
  };
}

class Refused {
  readonly body: unknown;
  /** Undefined when there was no token. */
  readonly error: string | undefined;
  constructor(body: unknown, error?: 'invalid_token') {
    this.body = body;
    this.error = error;
  }
}

const refused = (message: string) => new Refused({ message }, 'invalid_token');

async function authenticate(
  { headers }: Exchange,
  config: Config,
  credentials: ReadonlyMap<string, Credential>,
): Promise<Credential | Refused> {
  const { authorization } = headers;
  const token = typeof authorization === 'string' ? /^\s*[Bb]earer\s+(.+)$/.exec(authorization)?.[1] : undefined;
  if (!token) return new Refused({ message: 'Unauthorized' });
  let claims: JWTPayload;
  let header: ReturnType<typeof decodeProtectedHeader>;
  try {
    claims = decodeJwt(token);
    header = decodeProtectedHeader(token);
  } catch {
    return refused('Bad token');
  }
  const name = config.key_claim_name;
  const key = claims[name] ?? (header as Record<string, unknown>)[name];
  if (key === undefined) return refused(`No mandatory '${name}' in claims`);
  const credential = typeof key === 'string' ? credentials.get(key) : undefined;
  if (!credential) return refused(`No credentials found for given '${name}'`);
  if (header.alg !== credential.algorithm) return refused('Invalid algorithm');
  try {
    await compactVerify(token, credential.publicKey, { algorithms: [credential.algorithm] });
  } catch {
    return refused('Invalid signature');
  }
  const wrong = wrongClaims(claims, config);
  return wrong ? new Refused(wrong, 'invalid_token') : credential;
}

function wrongClaims(claims: JWTPayload, config: Config): Record<string, string> | undefined {
  const now = Math.floor(Date.now() / 1000);
  for (const name of config.claims_to_verify) {
    const value = claims[name];
    if (typeof value !== 'number') return { [name]: 'must be a number' };
    if (name === 'exp' && value <= now) return { exp: 'token expired' };
    if (name === 'nbf' && value > now) return { nbf: 'token not valid yet' };
  }
  if (config.maximum_expiration === 0) return undefined;
  const far = typeof claims.exp !== 'number' || claims.exp - now > config.maximum_expiration;
  return far ? { exp: 'exceeds maximum allowed expiration' } : undefined;
}
