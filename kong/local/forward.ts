// Hands a request on to another server and streams both bodies. Headers that belong to one connection are not passed
// on.

import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import type { Dispatcher } from 'undici';

/** Headers of one connection, not of the request (RFC 9110, 7.6.1), and headers that a proxy must not pass on. */
const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'expect',
]);

export type Headers = Record<string, string | string[]>;

export interface Forwarded {
  method: string;
  path: string;
  headers: Headers;
  /** Undefined when the request's own stream is the body. */
  body?: Buffer | undefined;
  /** How long the other side may be silent, before its answer and within it. */
  silenceMs: number;
}

/** Why there is no answer: `timeout` (the outcome is unknown), or `unreachable`. */
export class NotForwarded extends Error {
  readonly reason: 'timeout' | 'unreachable';
  /** True when the connection was refused: nothing has been sent. */
  readonly refused: boolean;
  constructor(reason: 'timeout' | 'unreachable', cause: Error & { code?: string }) {
    super(cause.message, { cause });
    this.reason = reason;
    this.refused = cause.code === 'ECONNREFUSED';
  }
}

/**
 * Sends the request and returns once the answer's headers are there. Throws NotForwarded when none come. The signal aborts it,
 * for instance when the caller has gone.
 */
export async function forward(
  to: Dispatcher,
  request: IncomingMessage,
  { method, path, headers, body, silenceMs }: Forwarded,
  signal: AbortSignal,
): Promise<Dispatcher.ResponseData> {
  const sent = body ?? (hasBody(request) ? request : null);
  try {
    return await to.request({
      method: method as Dispatcher.HttpMethod,
      path,
      headers,
      body: sent,
      headersTimeout: silenceMs,
      bodyTimeout: silenceMs,
      signal,
    });
  } catch (error) {
    const { code } = error as Error & { code?: string };
    const timeout = code === 'UND_ERR_HEADERS_TIMEOUT' || code === 'UND_ERR_CONNECT_TIMEOUT';
    throw new NotForwarded(timeout ? 'timeout' : 'unreachable', error as Error);
  }
}

/**
 * Sends the answer's body on. When it breaks off, ends the connection, so that the caller does not take a part for the
 * whole.
 */
export async function sendOn(answer: Dispatcher.ResponseData, response: ServerResponse): Promise<void> {
  await pipeline(answer.body, response).catch(() => response.destroy());
}

export function hasBody(request: IncomingMessage): boolean {
  const { 'content-length': length, 'transfer-encoding': encoding } = request.headers;
  return encoding !== undefined || (length !== undefined && length !== '0');
}

/** A copy without the headers that belong to one connection. */
export function endToEnd(headers: Readonly<Record<string, string | string[] | undefined>>): Headers {
  const kept: Headers = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined || HOP_BY_HOP.has(name)) continue;
    kept[name] = Array.isArray(value) && value.length === 1 ? (value[0] ?? '') : value;
  }
  return kept;
}
