// The function's client of Redis, over the Upstash REST protocol. Redis holds nothing that PostgreSQL cannot give again, so every
// caller has an answer ready for the day it is away.

import type { Redis } from '@upstash/redis';
import { redis as settings } from '../environment.ts';
import { redisOverHttp } from './redis-over-http.ts';

/** An answer that has not come by then is not worth waiting for: the caller's other way is faster. */
const ANSWER_TIMEOUT_MS = 500;

let client: Promise<Redis> | undefined;

/** Redis did not answer, or answered with an error. The message never holds the command: its arguments may be anything. */
export class CacheError extends Error {
  override readonly name = 'CacheError';
}

/** Asks Redis once: answers come as Redis gave them (text and integers), failures as CacheError. */
export async function askRedis<Answer>(ask: (redis: Redis) => Promise<Answer>): Promise<Answer> {
  client ??= connect(settings());
  try {
    return await ask(await client);
  } catch (error) {
    throw new CacheError(describe(error));
  }
}

async function connect(address: ReturnType<typeof settings>): Promise<Redis> {
  // Loaded when first needed: a cold function answers its probes without it.
  const { Redis: Client, errors } = await import('../packages/redis.ts');
  const requester = redisOverHttp(address, ANSWER_TIMEOUT_MS, errors.UpstashError);
  return new (class extends Client {
    constructor() {
      super({
        ...address,
        enableAutoPipelining: false,
        // "007" must not come back as 7.
        automaticDeserialization: false,
        enableTelemetry: false,
      });
      // It asks once: a repeated command would count twice; whoever may repeat one knows so himself.
      this.client = requester as typeof this.client;
    }
  })();
}

// The client's messages end with the whole command, those of a pipeline with Redis' own words; a body that is not JSON is quoted.
function describe(error: unknown): string {
  const { name, message, code } = error as Partial<Error & { code: unknown }>;
  if (name === 'TimeoutError') return `no answer within ${ANSWER_TIMEOUT_MS} ms`;
  if (name === 'SyntaxError') return 'the answer is not JSON';
  if (name === 'UpstashError') {
    // Redis' errors begin with a word in capitals; what follows may repeat arguments.
    const word = /\b[A-Z]{3,}\b/.exec(message?.split(', command was:', 1)[0] ?? '')?.[0];
    return `Redis refused: ${word ?? 'unknown error'}`;
  }
  return `cannot be reached (${String(code ?? name)})`;
}
