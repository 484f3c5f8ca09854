// Recognises the caller by the bearer token. Every payment passes here, so an instance verifies a token once and
// remembers it until it expires or its session ends. A payment then costs one look into a map.

import type { CallerKind, Headers } from '../platform/http/function.ts';
import { Problem } from '../platform/http/problem.ts';
import type { ProblemCode } from '../platform/http/problems.ts';
import type { Caller, VerifiedToken } from './access-token.ts';
import { sessions } from './session-watch.ts';
import { twoGenerations } from './two-generations.ts';

export type { Caller };

/** Tokens remembered per generation. Each takes about 1.5 kB with its claims. */
const TOKENS_REMEMBERED = 16_384;

/** The keys are whole Authorization headers, so that a known one needs no parsing. */
const verified = twoGenerations<VerifiedToken>(TOKENS_REMEMBERED);

/** A person or merchant with one of our access tokens, whose session has not ended. */
export const user: CallerKind<Caller> = {
  name: 'user',
  scheme: 'bearer',
  identify(headers: Headers, forMoney: boolean): Caller | Promise<Caller> {
    const header = headers['authorization'];
    if (typeof header !== 'string') throw refusal('unauthorized');
    const known = verified.get(header);
    if (known && known.expiresAt > Date.now() && sessions.stateOf(known.caller.sessionId) === 'lasting') {
      return known.caller;
    }
    return identifyStranger(header, known, forMoney);
  },
};

async function identifyStranger(header: string, known: VerifiedToken | undefined, forMoney: boolean): Promise<Caller> {
  const token = known ?? (await verify(header));
  if (token.expiresAt <= Date.now()) throw refusal('token_expired', 'The access token has expired.');
  const state = await sessions.confirm(token.caller.sessionId);
  if (state === 'ended') throw refusal('session_ended', 'The session has ended.');
  // Neither Redis nor PostgreSQL answers. A good token may still read, but money does not move on a session that may
  // have ended.
  if (state === 'unknown' && forMoney) throw new Problem('service_unavailable', { headers: { 'retry-after': '2' } });
  verified.set(header, token);
  return token.caller;
}

async function verify(header: string): Promise<VerifiedToken> {
  const token = /^bearer +([\w-]+\.[\w-]+\.[\w-]+) *$/i.exec(header)?.[1];
  if (!token) throw refusal('unauthorized', 'The Authorization header holds no bearer token.');
  // jose is loaded with the first token.
  const { verifyAccessToken } = await import('./access-token.ts');
  const result = await verifyAccessToken(token);
  if (result === 'expired') throw refusal('token_expired', 'The access token has expired.');
  if (result === 'invalid') throw refusal('unauthorized', 'The access token is not one of ours.');
  return result;
}

/** `why` adds the token's fault to the challenge (RFC 6750). A request without a token gets the scheme only. */
function refusal(code: ProblemCode, why?: string): Problem {
  const challenge = 'Bearer realm="one-gate"';
  return new Problem(code, {
    headers: {
      'www-authenticate': why ? `${challenge}, error="invalid_token", error_description="${why}"` : challenge,
    },
  });
}
