// The signatures of SNAP BI as the provider's side makes and checks them. Written from the specification a second time, not shared
// with the adapter: a mistake in one of them must not be hidden by the same mistake in the other.

import { createHash, createHmac, type KeyObject, sign, timingSafeEqual, verify } from 'node:crypto';

export function isTokenRequestSigned(merchantKey: KeyObject, clientKey: string, timestamp: string, signature: string) {
  const text = Buffer.from(`${clientKey}|${timestamp}`);
  return verify('RSA-SHA256', text, merchantKey, Buffer.from(signature, 'base64'));
}

export interface ReceivedCall {
  method: string;
  path: string;
  accessToken: string;
  rawBody: string;
  timestamp: string;
  signature: string;
}

/** The body as it came, or what remains of it when it is parsed and printed again. */
export function isCallSigned(clientSecret: string, call: ReceivedCall): boolean {
  return [call.rawBody, reprinted(call.rawBody)].some((body) => {
    const hash = createHash('sha256').update(body).digest('hex');
    const text = [call.method, call.path, call.accessToken, hash, call.timestamp].join(':');
    const expected = createHmac('sha512', clientSecret).update(text).digest();
    const given = Buffer.from(call.signature, 'base64');
    return given.length === expected.length && timingSafeEqual(given, expected);
  });
}

function reprinted(json: string): string {
  try {
    return JSON.stringify(JSON.parse(json));
  } catch {
    return json;
  }
}

export function signNotification(privateKey: KeyObject, path: string, body: string, timestamp: string): string {
  const hash = createHash('sha256').update(body).digest('hex');
  return sign('RSA-SHA256', Buffer.from(`POST:${path}:${hash}:${timestamp}`), privateKey).toString('base64');
}
