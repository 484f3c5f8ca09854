// Reads and parses the body of an unknown sender: bounded in size, plain JSON, well-formed text.

import { isUtf8 } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import { parseText } from '../http/json.ts';
import { type FieldError, Problem } from '../http/problem.ts';
import { DEEPEST, isTooDeep, repeatedMembers } from './json-faults.ts';

export const BODY_LIMIT = 64 * 1024;

/** With the body, if the framework's own server has read it already. */
type Received = IncomingMessage & { rawBody?: Buffer };

/** The whole body. Throws `payload_too_large` as soon as it is larger than `limit` bytes. */
export function readBody(request: Received, limit = BODY_LIMIT): Promise<Buffer> {
  const known = request.rawBody?.length ?? Number(request.headers['content-length'] ?? 0);
  if (known > limit) return Promise.reject(new Problem('payload_too_large'));
  if (request.rawBody) return Promise.resolve(request.rawBody);
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > limit) {
        request.removeAllListeners('data');
        reject(new Problem('payload_too_large'));
        return;
      }
      chunks.push(chunk);
    });
    request.on('end', () => resolve(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks)));
    request.on('error', () => reject(new Problem('malformed_json', { detail: 'The body ended early.' })));
    request.on('aborted', () => reject(new Problem('malformed_json', { detail: 'The body ended early.' })));
  });
}

export function requirePlainJson(contentType: string | undefined, contentEncoding: string | undefined): void {
  const mediaType = contentType?.split(';', 1)[0]?.trim().toLowerCase();
  if (mediaType !== 'application/json' || contentEncoding) throw new Problem('unsupported_media_type');
}

/**
 * Parses JSON that an API can store: UTF-8 without NUL characters and lone surrogates, which PostgreSQL cannot keep,
 * and not too deep for recursion. A request about money must not repeat a member, because two amounts are ambiguous.
 */
export function parseJson(body: Buffer, aboutMoney: boolean): unknown {
  if (!isUtf8(body)) throw new Problem('malformed_json', { detail: 'The body is not valid UTF-8.' });
  const text = body.toString('utf8');
  if (isTooDeep(text)) refuse([{ pointer: '', detail: `must not be nested deeper than ${DEEPEST} levels` }]);
  let value: unknown;
  try {
    value = parseText(text);
  } catch {
    throw new Problem('malformed_json');
  }
  if (aboutMoney)
    refuse(repeatedMembers(text, value).map((pointer) => ({ pointer, detail: 'must be given only once' })));
  // Both can only come from \u escapes, so most bodies need no walk.
  if (text.includes('\\u')) {
    const errors: FieldError[] = [];
    collectUnusableText(value, '', errors);
    refuse(errors);
  }
  return value;
}

function refuse(errors: FieldError[]): void {
  if (errors.length > 0) throw new Problem('invalid_request', { errors });
}

export function isUsableText(text: string): boolean {
  return text.isWellFormed() && !text.includes('\0');
}

function collectUnusableText(value: unknown, pointer: string, errors: FieldError[]): void {
  if (typeof value === 'string') {
    if (!isUsableText(value)) errors.push({ pointer, detail: 'must not contain NUL characters or lone surrogates' });
  } else if (typeof value === 'object' && value !== null) {
    for (const [key, member] of Object.entries(value)) {
      const inner = `${pointer}/${key.toWellFormed().replaceAll('\0', '').replaceAll('~', '~0').replaceAll('/', '~1')}`;
      if (!isUsableText(key))
        errors.push({ pointer: inner, detail: 'has a name with NUL characters or lone surrogates' });
      collectUnusableText(member, inner, errors);
    }
  }
}
