// How the Redis client reaches its REST proxy: over node:http, which every function has loaded already. The client's own way is fetch,
// which Node loads when it is first used: a quarter of a cold start, for Redis alone.

import { Agent, type IncomingMessage, request as plain, type RequestOptions } from 'node:http';
import { text } from 'node:stream/consumers';

/** What comes back for a command; the proxy answers a refused pipeline the same way. */
interface Answer {
  error?: string;
}

export interface Address {
  url: string;
  token: string;
}

const IDLE_MS = 4_000;

interface Asked {
  path?: string[];
  body?: unknown;
}

/** A Requester of @upstash/redis. Throws what the connection throws, a TimeoutError, a SyntaxError for what is not JSON. */
export async function redisOverHttp(
  { url, token }: Address,
  timeoutMs: number,
  Refusal: new (message: string) => Error,
) {
  const secure = url.startsWith('https:') ? await import('node:https') : undefined;
  const send = secure?.request ?? plain;
  // A socket that has been idle is not used again: the proxy may just be closing it.
  const agent = new (secure?.Agent ?? Agent)({ keepAlive: true, timeout: IDLE_MS });

  async function request<Result>({ path = [], body }: Asked): Promise<Result> {
    const content = JSON.stringify(body);
    const signal = AbortSignal.timeout(timeoutMs);
    const headers = {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(content),
    };
    const address = [url.replace(/\/$/, ''), ...path].join('/');
    try {
      const response = await post(address, { method: 'POST', agent, headers, signal }, content);
      const answer = JSON.parse(await text(response)) as Answer;
      if (response.statusCode === 200) return answer as Result;
      throw new Refusal(String(answer.error));
    } catch (error) {
      throw signal.aborted ? signal.reason : error;
    }
  }

  function post(address: string, options: RequestOptions, content: string): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      send(address, options, resolve).on('error', reject).end(content);
    });
  }

  return { request };
}
