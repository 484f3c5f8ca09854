// One HTTP/1.1 connection of the load generator: a request, its answer, the next request. It reads no more of an answer
// than its status and its end.

import { connect } from 'node:net';

export interface Connection {
  /** Sends the first `length` bytes of `request`, which must stay as they are until the answer has come. */
  send(length: number): void;
  readonly request: Buffer;
  close(): void;
}

export interface Events {
  /** An answer has come, whole. `text` is its beginning, for callers that read it. */
  answered(status: number, text: string): void;
  /** The connection is of no more use. */
  failed(why: string): void;
}

const LARGEST_READ = 16 * 1024;
const CONTENT_LENGTH = /\r\ncontent-length: *(\d+)\r\n/i;

/** Resolves when the connection is open. */
export function openConnection(port: number, longestRequest: number, events: Events): Promise<Connection> {
  const request = Buffer.allocUnsafe(longestRequest);
  let begun = '';
  let closed = false;

  const socket = connect({
    port,
    host: '127.0.0.1',
    noDelay: true,
    // Every read into the same memory: the stream's own way allocates for each.
    onread: {
      buffer: Buffer.allocUnsafe(LARGEST_READ),
      callback: (count, chunk) => {
        const text = begun + (chunk as Buffer).toString('latin1', 0, count);
        begun = '';
        if (!take(text)) begun = text;
        return true;
      },
    },
  });

  /** True when the answer is whole; then it is finished, and the next request may be on its way already. */
  function take(text: string): boolean {
    const headerEnd = text.indexOf('\r\n\r\n');
    if (headerEnd < 0) return false;
    const length = CONTENT_LENGTH.exec(text)?.[1];
    const end = headerEnd + 4 + Number(length);
    if (text.length < end) return false;
    if (text.length === end) events.answered(Number(text.slice(9, 12)), text);
    else fail('an answer has no length, or another than it says');
    return true;
  }

  function fail(why: string): void {
    if (closed) return;
    closed = true;
    socket.destroy();
    events.failed(why);
  }

  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.off('error', reject);
      socket.on('error', (error) => fail(error.message));
      socket.on('close', () => fail('the function closed the connection'));
      resolve({
        request,
        send: (length) => void socket.write(request.subarray(0, length)),
        close: () => {
          closed = true;
          socket.destroy();
        },
      });
    });
  });
}
