// The function's client of Redis, over the Upstash REST protocol. PostgreSQL can restore everything in Redis, and every
// caller works without it.

import type { Redis } from '@upstash/redis';
import { redis as settings } from '../environment.ts';
import { redisOverHttp } from './redis-over-http.ts';

/** After this time the caller's other way is faster. */
const ANSWER_TIMEOUT_MS = 500;

let client: Promise<Redis> | undefined;

/**
 * Redis did not answer, or answered with an error. The message never holds the command, because its arguments may be
 * secret.
 */
export class CacheError extends Error {
  override readonly name = 'CacheError';
}

/** Asks Redis once. Answers are as Redis gave them (text and integers), failures are CacheErrors. */
export async function askRedis<Answer>(ask: (redis: Redis) => Promise<Answer>): Promise<Answer> {
  client ??= connect(settings());
  try {
    return await ask(await client);
  } catch (error) {
    throw new CacheError(describe(error));
  }
}

async function connect(address: ReturnType<typeof settings>): Promise<Redis> {
  // Loaded at the first use, so that a cold function answers its probes without it.
  const { Redis: Client, errors } = await import('../packages/redis.ts');
  const requester = redisOverHttp(address, ANSWER_TIMEOUT_MS, errors.UpstashError);
  return new (class extends Client {
    constructor() {
      super({
        ...address,
        enableAutoPipelining: false,
        // Keeps "007" from becoming 7.
        automaticDeserialization: false,
        enableTelemetry: false,
      });
      // Does not retry, since a repeated command would count twice. A caller that may repeat a command does so itself.
      this.client = requester as typeof this.client;
    }
  })();
}

// The client's messages end with the whole command, or with Redis' own words for a pipeline, and quote a body that is
// not JSON. So this writes its own.
function describe(error: unknown): string {
  const { name, message, code } = error as Partial<Error & { code: unknown }>;
  if (name === 'TimeoutError') return `no answer within ${ANSWER_TIMEOUT_MS} ms`;
  if (name === 'SyntaxError') return 'the answer is not JSON';
  if (name === 'UpstashError') {
    // Redis' errors begin with a word in capitals. The rest may repeat arguments.
    const word = /\b[A-Z]{3,}\b/.exec(message?.split(', command was:', 1)[0] ?? '')?.[0];
    return `Redis refused: ${word ?? 'unknown error'}`;
  }
  return `cannot be reached (${String(code ?? name)})`;
}
