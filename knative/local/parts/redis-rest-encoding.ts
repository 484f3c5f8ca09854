import { type RedisCommand, RedisError, type RedisReply } from './redis-connection.ts';

// How Upstash's REST protocol writes commands and replies as JSON.

/** The request cannot be understood; the message is for the caller. */
export class BadRequest extends Error {}

/** A command's name and arguments, as Redis takes them: texts. */
export function readCommand(value: unknown): RedisCommand {
  if (!Array.isArray(value)) throw new BadRequest('ERR a command must be a JSON array');
  if (value.length === 0) throw new BadRequest('ERR empty command');
  return value.map((argument: unknown) => {
    if (typeof argument === 'string') return argument;
    if (typeof argument === 'boolean') return String(argument);
    throw new BadRequest('ERR every argument of a command must be a string, a number or a boolean');
  });
}

export function readCommands(value: unknown): RedisCommand[] {
  if (!Array.isArray(value)) throw new BadRequest('ERR a pipeline must be a JSON array of commands');
  if (value.length === 0) throw new BadRequest('ERR empty pipeline');
  return value.map(readCommand);
}

/** Reads JSON with its numbers as texts, every digit kept: 64-bit integers do not fit a JavaScript number. */
export function parseBody(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'), (_key, value: unknown, ...rest: unknown[]) =>
      typeof value === 'number' ? (rest[0] as { source: string }).source : value,
    );
  } catch {
    throw new BadRequest('ERR the body is not JSON');
  }
}

/** One element of an answer: `{"result":...}` or `{"error":"..."}`. */
export function writeReply(reply: RedisReply, base64: boolean): string {
  if (reply instanceof RedisError) return JSON.stringify({ error: reply.message });
  // "OK" alone stays as it is: the client expects exactly that text.
  if (Buffer.isBuffer(reply) && reply.toString('latin1') === 'OK') return '{"result":"OK"}';
  return `{"result":${write(reply, base64)}}`;
}

function write(reply: RedisReply, base64: boolean): string {
  if (reply === null) return 'null';
  if (typeof reply === 'bigint') return reply.toString();
  if (Array.isArray(reply)) return `[${reply.map((item) => write(item, base64)).join(',')}]`;
  const bytes = reply instanceof RedisError ? Buffer.from(reply.message) : reply;
  return JSON.stringify(bytes.toString(base64 ? 'base64' : 'utf8'));
}
