// One HTTP call to a provider, bounded in time and size. It does not throw for any answer or a missing one.

import type { IncomingMessage } from 'node:http';
import { post as postTo } from '../../platform/http/post.ts';

/** Answers of providers are a few hundred bytes. A larger one is not from the provider. */
const ANSWER_LIMIT = 64 * 1024;

export type Answer =
  | { name: 'answered'; httpStatus: number; body: Record<string, unknown> }
  | { name: 'unanswered'; reason: 'timeout' | 'network' };

/**
 * Does not follow redirects, because a signature is for one address. Reads a body that is not a JSON object as an empty
 * one.
 */
export async function post(
  url: string,
  headers: Record<string, string>,
  body: string,
  signal: AbortSignal,
): Promise<Answer> {
  try {
    const response = await postTo(url, { headers, body, signal });
    return { name: 'answered', httpStatus: response.statusCode ?? 0, body: parseObject(await readText(response)) };
  } catch {
    return { name: 'unanswered', reason: signal.aborted ? 'timeout' : 'network' };
  }
}

async function readText(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length;
    // Leaving the loop closes the connection, so the rest is not read.
    if (size > ANSWER_LIMIT) return '';
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parseObject(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : {};
  } catch {
    return {};
  }
}
