// One POST to another server over node:http, which every function has loaded already. Node loads fetch at its first
// use, which takes some 40 ms in the middle of a first answer.

import { Agent, type IncomingMessage, request } from 'node:http';

/** A socket that was idle for this long is not used again, because the server may be closing it. */
const IDLE_MS = 4_000;

export interface Post {
  headers: Readonly<Record<string, string>>;
  body: string;
  /** Ends the request at any point, also while the answer is being read. */
  signal: AbortSignal;
}

/**
 * Resolves with the beginning of an answer of any status. The caller reads the rest or destroys it. Does not follow
 * redirects and does not decompress. Rejects with the error of the connection, of TLS or of the signal.
 */
export async function post(url: string, { headers, body, signal }: Post): Promise<IncomingMessage> {
  const { agent, request } = url.startsWith('https:') ? await overTls() : plain;
  const options = {
    method: 'POST',
    agent,
    signal,
    headers: { 'accept-encoding': 'identity', 'content-length': Buffer.byteLength(body), ...headers },
  };
  return new Promise((resolve, reject) => {
    request(url, options, resolve).on('error', reject).end(body);
  });
}

interface Way {
  agent: Agent;
  request: typeof request;
}

const plain: Way = { agent: new Agent({ keepAlive: true, timeout: IDLE_MS }), request };

let secure: Promise<Way> | undefined;
function overTls(): Promise<Way> {
  secure ??= import('node:https').then(({ Agent, request }) => ({
    agent: new Agent({ keepAlive: true, timeout: IDLE_MS }),
    request,
  }));
  return secure;
}
