// The three signatures of SNAP BI. They cover the bytes that are sent, so pass the very string that goes out as `body`.

import { createHash, createHmac, type KeyObject, sign, verify } from 'node:crypto';

/** JSON without whitespace between its parts. Parsing and printing it again would change numbers and escapes. */
export function minify(json: string): string {
  let result = '';
  let inString = false;
  let start = 0;
  for (let index = 0; index < json.length; index++) {
    const character = json[index];
    if (inString) {
      if (character === '\\') index++;
      else if (character === '"') inString = false;
    } else if (character === '"') {
      inString = true;
    } else if (character === ' ' || character === '\n' || character === '\r' || character === '\t') {
      result += json.slice(start, index);
      start = index + 1;
    }
  }
  return result + json.slice(start);
}

/** SHA-256 in lower-case hex. An empty body has the hash of an empty string. */
export function bodyHash(body: string | Buffer): string {
  return createHash('sha256').update(body).digest('hex');
}

function rsaSign(privateKey: KeyObject, text: string): string {
  return sign('RSA-SHA256', Buffer.from(text), privateKey).toString('base64');
}

/** False for a wrong signature, and for text that is not base64. */
export function rsaVerify(publicKey: KeyObject, text: string, signature: string): boolean {
  return verify('RSA-SHA256', Buffer.from(text), publicKey, Buffer.from(signature, 'base64'));
}

/** X-SIGNATURE of a request for an access token. */
export function tokenSignature(privateKey: KeyObject, clientKey: string, timestamp: string): string {
  return rsaSign(privateKey, `${clientKey}|${timestamp}`);
}

export interface SignedCall {
  method: string;
  /** Path with query, as the provider sees it. */
  path: string;
  accessToken: string;
  body: string;
  timestamp: string;
}

/** X-SIGNATURE of a call that carries an access token. */
export function transactionSignature(clientSecret: string, call: SignedCall): string {
  const hash = bodyHash(minify(call.body));
  const text = `${call.method}:${call.path}:${call.accessToken}:${hash}:${call.timestamp}`;
  return createHmac('sha512', clientSecret).update(text).digest('base64');
}

export interface SignedNotification {
  method: string;
  /** The paths that the sender may have signed, because providers differ in whether our prefix belongs to it. */
  paths: readonly string[];
  rawBody: Buffer;
  timestamp: string;
  signature: string;
}

/** Whether the provider signed this: tries the bytes as they came, then the same minified. */
export function isNotificationSigned(publicKey: KeyObject, notification: SignedNotification): boolean {
  const { method, paths, rawBody, timestamp, signature } = notification;
  const raw = bodyHash(rawBody);
  const minified = bodyHash(minify(rawBody.toString('utf8')));
  const hashes = raw === minified ? [raw] : [raw, minified];
  return hashes.some((hash) =>
    paths.some((path) => rsaVerify(publicKey, `${method}:${path}:${hash}:${timestamp}`, signature)),
  );
}
