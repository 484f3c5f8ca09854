import { connect as connectPlain, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

/** An error that Redis itself answered, such as "WRONGTYPE ...": a value, because a batch may hold some. */
export class RedisError extends Error {}

/** The connection failed, so whether the commands ran is unknown. */
export class RedisUnavailable extends Error {}

/** RESP2's shapes: texts as bytes, numbers exact to 64 bits, arrays flat as the command gives them. */
export type RedisReply = Buffer | bigint | null | RedisError | RedisReply[];

export type RedisCommand = readonly (string | Buffer)[];

export type RedisConnection = {
  /**
   * Sends the commands in one write, so that no other caller's come in between, and resolves with their replies in
   * order. Connects first when there is no connection. Rejects with RedisUnavailable when the connection fails or
   * an answer takes longer than the limit; nothing is sent twice.
   */
  send(commands: readonly RedisCommand[]): Promise<RedisReply[]>;
  close(): void;
};

/** `url`: redis:// or rediss://, with user, password and database number as usual. */
export function redisConnection(url: string, limitMs = 10_000): RedisConnection {
  let current: Promise<Link> | undefined;
  const link = () => {
    if (current) return current;
    const opening = open(new URL(url), limitMs, () => {
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

type Link = { send(commands: readonly RedisCommand[]): Promise<RedisReply[]>; end(): void };

type Waiting = {
  left: number;
  replies: RedisReply[];
  resolve: (replies: RedisReply[]) => void;
  reject: (error: Error) => void;
  timer: NodeJS.Timeout;
};

async function open(url: URL, limitMs: number, onEnd: () => void): Promise<Link> {
  const address = { host: url.hostname.replace(/^\[|\]$/g, ''), port: Number(url.port || 6379) };
  const socket: Socket = url.protocol === 'rediss:' ? connectTls(address) : connectPlain(address);
  socket.setNoDelay(true);
  socket.setKeepAlive(true, 30_000);
  // The first entry is served first; each waits for as many replies as it sent commands.
  const queue: Waiting[] = [];
  const fail = (why: string) => {
    onEnd();
    socket.destroy();
    for (const waiting of queue.splice(0)) {
      clearTimeout(waiting.timer);
      waiting.reject(new RedisUnavailable(why));
    }
  };
  const receive = replyReader((reply) => {
    const first = queue[0];
    if (!first) return fail('Redis answered what nobody asked.');
    first.replies.push(reply);
    first.left -= 1;
    if (first.left > 0) return;
    queue.shift();
    clearTimeout(first.timer);
    first.resolve(first.replies);
  });
  socket.on('data', (chunk) => {
    try {
      receive(chunk);
    } catch (error) {
      fail((error as Error).message);
    }
  });
  socket.on('error', (error) => fail(`Redis at ${url.host} does not answer: ${error.message}`));
  socket.on('close', () => fail(`Redis at ${url.host} closed the connection`));
  const link: Link = {
    send: (commands) =>
      new Promise((resolve, reject) => {
        // The order of answers is the only thing that tells them apart, so one that is late spoils the connection.
        const timer = setTimeout(() => fail(`Redis at ${url.host} took longer than ${limitMs} ms`), limitMs);
        queue.push({ left: commands.length, replies: [], resolve, reject, timer });
        socket.write(Buffer.concat(commands.map(encode)));
      }),
    end: () => socket.end(),
  };

  const greeting: string[][] = [];
  const [user, password] = [decodeURIComponent(url.username), decodeURIComponent(url.password)];
  if (password) greeting.push(user ? ['AUTH', user, password] : ['AUTH', password]);
  const database = url.pathname.slice(1);
  if (database && database !== '0') greeting.push(['SELECT', database]);
  greeting.push(['PING']);
  const refusal = (await link.send(greeting)).find((reply) => reply instanceof RedisError);
  if (refusal) {
    fail(refusal.message);
    throw new RedisUnavailable(`Redis at ${url.host} refuses us: ${refusal.message}`);
  }
  return link;
}

function encode(command: RedisCommand): Buffer {
  const parts: Buffer[] = [Buffer.from(`*${command.length}\r\n`)];
  for (const argument of command) {
    const bytes = typeof argument === 'string' ? Buffer.from(argument) : argument;
    parts.push(Buffer.from(`$${bytes.length}\r\n`), bytes, lineEnd);
  }
  return Buffer.concat(parts);
}

const lineEnd = Buffer.from('\r\n');

/** Takes bytes as they arrive and hands out whole replies. What is parsed once is not parsed again. */
function replyReader(onReply: (reply: RedisReply) => void): (chunk: Buffer) => void {
  let chunks: Buffer[] = [];
  let size = 0;
  let needed = 1;
  const open: { items: RedisReply[]; left: number }[] = [];

  const complete = (value: RedisReply) => {
    let whole = value;
    for (let top = open.at(-1); top; top = open.at(-1)) {
      top.items.push(whole);
      top.left -= 1;
      if (top.left > 0) return;
      whole = top.items;
      open.pop();
    }
    onReply(whole);
  };

  return (chunk) => {
    chunks.push(chunk);
    size += chunk.length;
    if (size < needed) return;
    const bytes = chunks.length === 1 ? chunk : Buffer.concat(chunks, size);
    let at = 0;
    needed = 1;
    while (at < bytes.length) {
      const end = bytes.indexOf('\r\n', at, 'latin1');
      if (end < 0) break;
      const line = bytes.toString('utf8', at + 1, end);
      const kind = bytes[at];
      if (kind === 0x24 /* $ */ && line !== '-1') {
        const stop = end + 2 + Number(line);
        if (bytes.length < stop + 2) {
          needed = stop + 2 - at;
          break;
        }
        // A copy: a slice would keep the whole chunk alive.
        complete(Buffer.from(bytes.subarray(end + 2, stop)));
        at = stop + 2;
        continue;
      }
      at = end + 2;
      if (kind === 0x2b /* + */) complete(Buffer.from(line));
      else if (kind === 0x2d /* - */) complete(new RedisError(line));
      else if (kind === 0x3a /* : */) complete(BigInt(line));
      else if ((kind === 0x24 || kind === 0x2a) /* $-1, *-1 */ && line === '-1') complete(null);
      else if (kind === 0x2a /* * */ && line === '0') complete([]);
      else if (kind === 0x2a) open.push({ items: [], left: Number(line) });
      else throw new Error('The server at the address of Redis does not speak its protocol (RESP2).');
    }
    const rest = bytes.subarray(at);
    chunks = rest.length > 0 ? [rest] : [];
    size = rest.length;
    if (size >= needed) needed = size + 1;
  };
}
