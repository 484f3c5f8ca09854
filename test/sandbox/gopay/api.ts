// The SNAP API of the simulated provider: it refuses the same requests as the real one, in the same words.

import { type KeyObject, randomBytes } from 'node:crypto';
import { readTime } from './clock.ts';
import { type DebitParts, debitOperations, type Operation } from './debit.ts';
import { type ApiAnswer, invalidField, Refusal, refusalsAsAnswers, success } from './refusal.ts';
import { parseBody } from './request-body.ts';
import type { Settings } from './settings.ts';
import { isCallSigned, isTokenRequestSigned } from './signatures.ts';

export interface Merchant {
  clientId: string;
  clientSecret: string;
  /** The merchant's, to check token requests with. */
  publicKey: KeyObject;
  merchantId: string;
  partnerId: string;
  name: string;
}

export interface ApiRequest {
  method: string;
  /** With its query. */
  path: string;
  headers: Readonly<Record<string, string | string[] | undefined>>;
  rawBody: string;
}

export interface Api {
  /** The service code of a path, undefined for a path this API does not have. */
  serviceOf(path: string): string | undefined;
  answer(service: string, request: ApiRequest): ApiAnswer;
  expireTokens(): void;
}

const SERVICES: Record<string, string> = {
  '/v1.0/access-token/b2b': '73',
  '/v1.0/debit/payment-host-to-host': '54',
  '/v1.0/debit/status': '55',
  '/v1.0/debit/cancel': '57',
};

const TOKEN_LIFETIME_S = 900;
const SKEW_MS = 5 * 60_000;

export interface ApiParts extends Omit<DebitParts, 'merchantId'> {
  settings: Settings;
  merchant: Merchant;
}

export function createApi(parts: ApiParts): Api {
  const { books, settings, merchant } = parts;
  const tokens = new Map<string, number>();
  const operations = debitOperations({ ...parts, merchantId: merchant.merchantId });

  function token(request: ApiRequest): ApiAnswer {
    const [clientKey, timestamp, signature] = mandatoryHeaders('73', request, [
      'x-client-key',
      'x-timestamp',
      'x-signature',
    ]);
    checkTimestamp('73', timestamp);
    if (clientKey !== merchant.clientId) throw new Refusal('73', 401, '00', 'Unauthorized. [Client]');
    if (!isTokenRequestSigned(merchant.publicKey, clientKey, timestamp, signature)) {
      throw new Refusal('73', 401, '00', 'Unauthorized. [Signature]');
    }
    const body = parseBody('73', request.rawBody);
    if (body.text('grantType') !== 'client_credentials') throw invalidField('73', 'grantType');
    const accessToken = randomBytes(36).toString('base64url');
    const now = books.clock.now().getTime();
    for (const [old, end] of tokens) if (end <= now) tokens.delete(old);
    tokens.set(accessToken, now + TOKEN_LIFETIME_S * 1000);
    return success('73', { accessToken, tokenType: 'Bearer', expiresIn: String(TOKEN_LIFETIME_S) });
  }

  function transaction(service: string, request: ApiRequest): ApiAnswer {
    const [authorization, timestamp, signature, partnerId, externalId, channelId] = mandatoryHeaders(service, request, [
      'authorization',
      'x-timestamp',
      'x-signature',
      'x-partner-id',
      'x-external-id',
      'channel-id',
    ]);
    if (!/^[0-9A-Za-z-]{1,36}$/.test(externalId)) throw invalidField(service, 'X-EXTERNAL-ID');
    if (!/^\w{5}$/.test(channelId)) throw invalidField(service, 'CHANNEL-ID');
    const accessToken = /^Bearer (\S+)$/.exec(authorization)?.[1] ?? '';
    if ((tokens.get(accessToken) ?? 0) <= books.clock.now().getTime()) {
      throw new Refusal(service, 401, '01', 'Invalid Token (B2B)');
    }
    checkTimestamp(service, timestamp);
    const { method, path, rawBody } = request;
    if (!isCallSigned(merchant.clientSecret, { method, path, accessToken, rawBody, timestamp, signature })) {
      throw new Refusal(service, 401, '00', 'Unauthorized. [Signature]');
    }
    if (partnerId !== merchant.partnerId) throw new Refusal(service, 401, '00', 'Unauthorized. [Partner]');
    const operate = operations[service] as Operation;
    return onceADay(service, externalId, () => operate(parseBody(service, request.rawBody), externalId));
  }

  // From here on the external id is used up, whatever the answer.
  function onceADay(service: string, externalId: string, operate: () => ApiAnswer): ApiAnswer {
    const earlier = books.answerTo(externalId);
    if (earlier !== undefined) {
      if (settings.repeatedExternalId === 'conflict') throw new Refusal(service, 409, '00', 'Conflict');
      return JSON.parse(earlier) as ApiAnswer;
    }
    const answer = refusalsAsAnswers(operate);
    books.remember(externalId, JSON.stringify(answer));
    return answer;
  }

  function checkTimestamp(service: string, timestamp: string): void {
    const time = readTime(timestamp);
    if (!time) throw invalidField(service, 'X-TIMESTAMP');
    const skew = Math.abs(time.getTime() - books.clock.now().getTime());
    if (skew > SKEW_MS) throw new Refusal(service, 401, '00', 'Unauthorized. [Timestamp]');
  }

  return {
    serviceOf: (path) => SERVICES[path],
    answer: (service, request) =>
      refusalsAsAnswers(() => (service === '73' ? token(request) : transaction(service, request))),
    expireTokens: () => tokens.clear(),
  };
}

function mandatoryHeaders<Names extends string[]>(service: string, request: ApiRequest, names: [...Names]) {
  return names.map((name) => {
    const value = request.headers[name];
    if (typeof value !== 'string' || value === '') {
      throw new Refusal(service, 400, '02', `Invalid Mandatory Field ${name.toUpperCase()}`);
    }
    return value;
  }) as { [Name in keyof Names]: string };
}
