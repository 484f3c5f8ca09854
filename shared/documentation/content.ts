// Documents that are the same for all callers. They are kept ready to send, with an ETag, so that a client fetches them
// once.

import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { Headers, Reply } from '../platform/http/function.ts';

export interface Content {
  readonly contentType: string;
  readonly bytes: Buffer;
  readonly zipped: Buffer;
  readonly etag: string;
}

export async function content(contentType: string, text: string | Buffer): Promise<Content> {
  const bytes = Buffer.from(text);
  const etag = createHash('sha256').update(bytes).digest('base64url').slice(0, 22);
  return { contentType, bytes, zipped: await promisify(gzip)(bytes), etag };
}

/** Sends the whole document, or 304 if the client has it. Caches revalidate after `seconds`. */
export function sendContent(
  { contentType, bytes, zipped, etag }: Content,
  request: Headers,
  seconds: number,
): Reply<never> {
  const zip = /\bgzip\b(?!\s*;\s*q=0(?:\.0*)?\s*(?:,|$))/.test(String(request['accept-encoding'] ?? ''));
  const headers = {
    'cache-control': `public, max-age=${seconds}`,
    // The two encodings are different bytes, so they have different ETags.
    etag: zip ? `"${etag}-gzip"` : `"${etag}"`,
    vary: 'accept-encoding',
  };
  const known = String(request['if-none-match'] ?? '')
    .split(',')
    .map((name) => name.trim().replace(/^W\//, ''));
  if (known.includes(headers.etag) || known.includes('*')) return { raw: '', contentType: '', status: 304, headers };
  if (!zip) return { raw: bytes, contentType, headers };
  return { raw: zipped, contentType, headers: { ...headers, 'content-encoding': 'gzip' } };
}
