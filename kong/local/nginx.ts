// The work of nginx before and after all plugins, by its own rules and the settings of kong/deployment/kong.yaml.

import type { IncomingMessage } from 'node:http';
import { hasBody } from './forward.ts';

/** client_max_body_size: 64k. */
export const LARGEST_BODY = 65_536;

/** Headers that nginx takes once. Two of them could mean one thing to the gateway and another to a function. */
const ONCE = [
  ...['host', 'authorization', 'content-length', 'transfer-encoding', 'expect', 'upgrade', 'content-range'],
  ...['if-match', 'if-none-match', 'if-modified-since', 'if-unmodified-since', 'if-range'],
];

/** The status of a request that nginx refuses before any route or plugin. */
export function refusedAtOnce({ headersDistinct }: IncomingMessage): 400 | 413 | undefined {
  if (ONCE.some((name) => (headersDistinct[name]?.length ?? 0) > 1)) return 400;
  return Number(headersDistinct['content-length']?.[0] ?? 0) > LARGEST_BODY ? 413 : undefined;
}

/**
 * Reads the body to its end before a function is asked, so that a slow sender keeps no function busy. `too large` when
 * a body without a length turns out so; undefined when there is none.
 */
export async function wholeBody(request: IncomingMessage): Promise<Buffer | 'too large' | undefined> {
  if (!hasBody(request)) return undefined;
  const chunks: Buffer[] = [];
  let size = 0;
  // Ending the iteration must not end the request: it still gets its answer.
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    size += (chunk as Buffer).length;
    if (size > LARGEST_BODY) return 'too large';
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks);
}
