// One connection to a Redis for all callers of the REST proxy: the commands of one caller stay together, and replies
// keep every byte and digit.

import { createClient, ErrorReply, RESP_TYPES } from '@redis/client';

/** An error that Redis itself answered, such as "WRONGTYPE ...": a value, because a batch may hold some. */
export class RedisError extends Error {}

/** The connection failed, so whether the commands ran is unknown. */
export class RedisUnavailable extends Error {}

/** RESP2's shapes: texts as bytes, numbers exact to 64 bits, arrays flat as the command gives them. */
export type RedisReply = Buffer | bigint | null | RedisError | RedisReply[];

export type RedisCommand = readonly (string | Buffer)[];

export type RedisConnection = {
  /**
   * Sends the commands in one write, so that no other caller's commands come in between, and resolves with their
   * replies in order. Connects first when there is no connection. Rejects with RedisUnavailable when the connection
   * fails or an answer takes longer than the limit; nothing is sent twice.
   */
  send(commands: readonly RedisCommand[]): Promise<RedisReply[]>;
  close(): void;
};

/** Numbers come as texts: a JavaScript number has no room for 64 bits. */
const AS_THEY_ARE = {
  [RESP_TYPES.BLOB_STRING]: Buffer,
  [RESP_TYPES.SIMPLE_STRING]: Buffer,
  [RESP_TYPES.NUMBER]: String,
};

type Link = { send(commands: readonly RedisCommand[]): Promise<RedisReply[]>; end(): void };

/** `url`: redis:// or rediss://, with user, password and database number as usual. */
export function redisConnection(url: string, limitMs = 10_000): RedisConnection {
  let current: Promise<Link> | undefined;
  const link = () => {
    if (current) return current;
    const opening = open(url, limitMs, () => {
      if (current === opening) current = undefined;
    });
    current = opening;
    return opening;
  };
  return {
    send: async (commands) => (commands.length === 0 ? [] : (await link()).send(commands)),
    close: () => {
      void current?.then(
        (opened) => opened.end(),
        () => undefined,
      );
    },
  };
}

async function open(url: string, limitMs: number, onEnd: () => void): Promise<Link> {
  const { host } = new URL(url);
  const client = createClient({
    url,
    RESP: 2,
    // A command whose answer was lost may have run: its caller decides whether to send it again.
    socket: { reconnectStrategy: false, connectTimeout: limitMs },
    disableOfflineQueue: true,
    disableClientInfo: true,
    maintNotifications: 'disabled',
  });
  let why: string | undefined;
  const fail = (sentence: string) => {
    why ??= sentence;
    onEnd();
    if (client.isOpen) client.destroy();
  };
  client.on('error', (error: Error) => fail(`Redis at ${host} does not answer: ${error.message}`));
  client.on('end', onEnd);

  const within = async <Result>(work: Promise<Result>): Promise<Result> => {
    // Only their order tells answers apart, so a late answer makes the connection unusable.
    const timer = setTimeout(() => fail(`Redis at ${host} took longer than ${limitMs} ms`), limitMs);
    try {
      return await work;
    } catch (error) {
      const { message } = error as Error;
      fail(
        error instanceof ErrorReply
          ? `Redis at ${host} refuses us: ${message}`
          : `Redis at ${host} does not answer: ${message}`,
      );
      throw new RedisUnavailable(why, { cause: error });
    } finally {
      clearTimeout(timer);
    }
  };

  // A server that wants a password says so only when it gets a command.
  await within(client.connect().then(() => client.ping()));
  return {
    send: (commands) =>
      within(
        Promise.all(
          commands.map((command) =>
            client.sendCommand<unknown>([...command], { typeMapping: AS_THEY_ARE }).then(replyOf, refusalOf),
          ),
        ),
      ),
    end: () => void client.close().catch(() => undefined),
  };
}

function refusalOf(error: Error): RedisError {
  if (error instanceof ErrorReply) return new RedisError(error.message);
  throw error;
}

function replyOf(reply: unknown): RedisReply {
  if (typeof reply === 'string') return BigInt(reply);
  if (Array.isArray(reply)) return reply.map(replyOf);
  return reply instanceof ErrorReply ? new RedisError(reply.message) : (reply as Buffer | null);
}
