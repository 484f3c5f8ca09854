// One POST to somebody else, over node:http, which every function has loaded already. fetch is loaded by Node when it is first used:
// some 40 ms, in the middle of a first answer.

import { Agent, type IncomingMessage, request } from 'node:http';

/** A socket that has been idle for so long is not used again: the other side may just be closing it. */
const IDLE_MS = 4_000;

export interface Post {
  headers: Readonly<Record<string, string>>;
  body: string;
  /** Ends it wherever it is, also while the answer is being read. */
  signal: AbortSignal;
}

/**
 * The beginning of an answer, whatever its status; the rest is for the caller to read or to destroy. Redirects are not followed and
 * nothing is unpacked. Rejects with what the connection, its TLS or the signal says.
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
