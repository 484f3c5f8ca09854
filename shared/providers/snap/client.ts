// Signed calls of SNAP BI for every provider that speaks it. Fetches a token when one is needed, retries once if the
// provider has dropped it, and takes another external id if the first was used.

import { createPrivateKey } from 'node:crypto';
import * as v from 'valibot';
import type { CallContext, Refused, Unknown } from '../provider.ts';
import { type AccessToken, accessTokens } from './access-token.ts';
import { type Answer, post } from './post.ts';
import { classifyResponse, type ResponseClass } from './response-code.ts';
import { tokenSignature, transactionSignature } from './signatures.ts';
import { snapTimestamp } from './timestamp.ts';

const TOKEN_PATH = '/v1.0/access-token/b2b';
/** The first request, one with a new token, two after a conflict of external ids. */
export const MAX_SENDINGS = 4;

export interface SnapConfiguration {
  /** The base of all paths. A trailing slash does no harm. */
  baseUrl: string;
  clientId: string;
  clientSecret: string;
  /** Our private key, as PEM. */
  privateKey: string;
  partnerId: string;
  channelId: string;
  /** The limit for one answer; the default is 5 s. */
  timeoutMs?: number;
  now?: () => Date;
}

export interface SnapCall {
  /** Two digits, as in response codes. */
  service: string;
  path: string;
  body: object;
  /** X-EXTERNAL-ID of the n-th request, from 0. */
  externalId(sending: number): string;
}

export type SnapOutcome =
  | { name: 'success'; body: Record<string, unknown>; code: string }
  | { name: 'duplicate_reference'; code: string }
  /** `earlier`: an external id of this call was used before, so an earlier request may have got through. */
  | (Refused & { earlier: boolean })
  | Unknown;

export interface SnapClient {
  call(call: SnapCall, context: CallContext): Promise<SnapOutcome>;
  /** Fetches a token if there is none. Calls that come meanwhile wait for the same one. */
  prepare(): void;
}

const TokenSchema = v.object({
  accessToken: v.pipe(v.string(), v.regex(/^[\x21-\x7e]{1,4096}$/)),
  expiresIn: v.pipe(v.union([v.string(), v.number()]), v.transform(Number), v.integer(), v.minValue(1)),
});

/** Throws a TypeError if the private key is unusable, because nothing could ever be signed. */
export function snapClient(configuration: SnapConfiguration): SnapClient {
  const { clientId, clientSecret, partnerId, channelId, timeoutMs = 5000, now = () => new Date() } = configuration;
  const baseUrl = configuration.baseUrl.replace(/\/+$/, '');
  const privateKey = readPrivateKey(configuration.privateKey);
  const tokens = accessTokens(requestToken, () => now().getTime());

  async function requestToken(): Promise<AccessToken | Refused | Unknown> {
    const timestamp = snapTimestamp(now());
    const headers = {
      'content-type': 'application/json',
      'x-client-key': clientId,
      'x-timestamp': timestamp,
      'x-signature': tokenSignature(privateKey, clientId, timestamp),
    };
    const body = JSON.stringify({ grantType: 'client_credentials' });
    const answer = await post(`${baseUrl}${TOKEN_PATH}`, headers, body, AbortSignal.timeout(timeoutMs));
    const result = resultOf('73', answer);
    if (result.name === 'unknown' || result.name === 'refused') return result;
    if (result.name !== 'success') return { name: 'unknown', reason: 'not_authorized', code: result.code };
    const parsed = v.safeParse(TokenSchema, result.body);
    if (!parsed.success) return { name: 'unknown', reason: 'malformed_answer', code: result.code };
    return { name: 'token', token: parsed.output.accessToken, lifetimeMs: parsed.output.expiresIn * 1000 };
  }

  async function send(call: SnapCall, sending: number, accessToken: string, context: CallContext) {
    const timestamp = snapTimestamp(now());
    const body = JSON.stringify(call.body);
    const headers: Record<string, string> = {
      'content-type': 'application/json',
      authorization: `Bearer ${accessToken}`,
      'x-timestamp': timestamp,
      'x-signature': transactionSignature(clientSecret, {
        method: 'POST',
        path: call.path,
        accessToken,
        body,
        timestamp,
      }),
      'x-partner-id': partnerId,
      'x-external-id': call.externalId(sending),
      'channel-id': channelId,
    };
    if (context.traceparent) headers['traceparent'] = context.traceparent;
    const limit = AbortSignal.timeout(timeoutMs);
    const signal = context.signal ? AbortSignal.any([limit, context.signal]) : limit;
    return resultOf(call.service, await post(`${baseUrl}${call.path}`, headers, body, signal));
  }

  async function sendUntilAnswered(call: SnapCall, context: CallContext): Promise<SnapOutcome> {
    let renewed = false;
    let earlier = false;
    for (let sending = 0; sending < MAX_SENDINGS; sending++) {
      const token = await orAborted(tokens.get(), context.signal);
      if (token.name === 'unknown') return token;
      if (token.name === 'refused') return { ...token, earlier };
      const result = await send(call, sending, token.token, context);
      if (result.name === 'refresh_token') {
        if (renewed) return { name: 'unknown', reason: 'not_authorized', code: result.code };
        renewed = true;
        tokens.discard(token.token);
      } else if (result.name === 'new_external_id') {
        earlier = true;
      } else {
        return result.name === 'refused' ? { ...result, earlier } : result;
      }
    }
    return { name: 'unknown', reason: 'earlier_attempt' };
  }

  return { call: sendUntilAnswered, prepare: () => void tokens.get() };
}

type Result =
  | Exclude<ResponseClass, { name: 'success' }>
  | { name: 'success'; code: string; body: Record<string, unknown> }
  | Unknown;

function resultOf(service: string, answer: Answer): Result {
  if (answer.name === 'unanswered') return { name: 'unknown', reason: answer.reason };
  const result = classifyResponse(service, answer.httpStatus, answer.body['responseCode']);
  return result.name === 'success' ? { ...result, body: answer.body } : result;
}

/** The token is shared, so one aborted call does not abort the request for it. */
function orAborted<Value>(value: Promise<Value>, signal: AbortSignal | undefined): Promise<Value | Unknown> {
  if (!signal) return value;
  const aborted: Unknown = { name: 'unknown', reason: 'timeout' };
  return new Promise((resolve, reject) => {
    const end = () => resolve(aborted);
    if (signal.aborted) return end();
    signal.addEventListener('abort', end, { once: true });
    value.then(resolve, reject).finally(() => signal.removeEventListener('abort', end));
  });
}

function readPrivateKey(pem: string) {
  try {
    return createPrivateKey(pem);
  } catch {
    // Leaves out the cause, because OpenSSL's message may quote the key.
    throw new TypeError('the private key for SNAP is not a private key in PEM');
  }
}
