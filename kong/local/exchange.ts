// A request as the gateway received it, for the plugins.

import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Exchange, HeaderValues } from './plugin.ts';

/** The search has its question mark, or is ''. */
export function addressOf({ url = '/' }: IncomingMessage): { path: string; search: string } {
  const mark = url.indexOf('?');
  return mark < 0 ? { path: url, search: '' } : { path: url.slice(0, mark), search: url.slice(mark) };
}

export function exchangeOf(request: IncomingMessage, path: string, search: string, route: string): Exchange {
  const headers: HeaderValues = {};
  // Not request.headers: Node drops repeated headers there, which a function must see and refuse.
  for (const [name, values] of Object.entries(request.headersDistinct)) {
    if (values) headers[name] = values.length === 1 ? (values[0] ?? '') : values;
  }
  return {
    request,
    method: request.method ?? 'GET',
    path,
    search,
    route,
    headers,
    clientAddress: request.socket.remoteAddress ?? '',
    startedAt: Date.now(),
    kongRequestId: randomBytes(16).toString('hex'),
    answered: { source: 'exit', upstreamStatus: '' },
  };
}
