// The Redis client's connection to its REST proxy. The client would use fetch, which Node would load for Redis alone.

import { text } from 'node:stream/consumers';
import { post } from '../http/post.ts';

/** The proxy's answer to a command. It answers a refused pipeline in the same form. */
interface Answer {
  error?: string;
}

export interface Address {
  url: string;
  token: string;
}

interface Asked {
  path?: string[];
  body?: unknown;
}

/**
 * A Requester of @upstash/redis. Throws the connection's error, a TimeoutError, or a SyntaxError if the answer is not
 * JSON.
 */
export function redisOverHttp({ url, token }: Address, timeoutMs: number, Refusal: new (message: string) => Error) {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };

  async function request<Result>({ path = [], body }: Asked): Promise<Result> {
    const signal = AbortSignal.timeout(timeoutMs);
    const address = [url.replace(/\/$/, ''), ...path].join('/');
    try {
      const response = await post(address, { headers, body: JSON.stringify(body), signal });
      const answer = JSON.parse(await text(response)) as Answer;
      if (response.statusCode === 200) return answer as Result;
      throw new Refusal(String(answer.error));
    } catch (error) {
      throw signal.aborted ? signal.reason : error;
    }
  }

  return { request };
}
