// Answers cluster-local names (http://pay.one-gate.svc.cluster.local): the part of Kourier, the activator and
// queue-proxy for a request on a cluster. The Host header names the service.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { endToEnd, forward, NotForwarded, sendOn } from '../../kong/local/forward.ts';
import { kindEnd } from '../../kong/local/kind-end.ts';
import { NoInstance, type Service } from './service.ts';

export const NAMESPACE = 'one-gate';

/** queue-proxy uses 90 s; longer than the gateway keeps idle connections. */
const KEEP_ALIVE_MS = 95_000;

export interface Ingress {
  /** http://127.0.0.1:port */
  address: string;
  stop(): Promise<void>;
}

export function clusterAddress(service: string, path = ''): string {
  return `http://${service}.${NAMESPACE}.svc.cluster.local${path}`;
}

export async function startIngress(
  services: ReadonlyMap<string, Service>,
  log: (sentence: string) => void,
): Promise<Ingress> {
  const server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS, requestTimeout: 0 }, (request, response) => {
    const service = services.get(serviceOf(request.headers.host ?? ''));
    if (service) void pass(service, request, response, log);
    else plain(response, 404, `there is no Service at ${request.headers.host}`);
  });
  const end = kindEnd(server);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: end,
  };
}

function serviceOf(host: string): string {
  const suffix = `.${NAMESPACE}.svc.cluster.local`;
  const name = host.replace(/:\d+$/, '');
  return name.endsWith(suffix) ? name.slice(0, -suffix.length) : '';
}

async function pass(
  service: Service,
  request: IncomingMessage,
  response: ServerResponse,
  log: (sentence: string) => void,
): Promise<void> {
  const { name, timeoutSeconds } = service.manifest;
  const gone = new AbortController();
  response.once('close', () => gone.abort(new Error('the caller has gone')));
  const late = setTimeout(() => {
    if (response.headersSent) response.destroy();
    else plain(response, 504, 'activator request timeout');
  }, timeoutSeconds * 1000);
  try {
    const { lease, answer } = await handOver(service, request, late, gone.signal);
    try {
      if (answer.statusCode >= 500)
        log(`${name} answered ${request.method} ${pathOf(request)} with ${answer.statusCode}`);
      response.writeHead(answer.statusCode, endToEnd(answer.headers));
      await sendOn(answer, response);
    } finally {
      lease.release();
    }
  } catch (error) {
    if (response.headersSent || response.destroyed) return;
    if (error instanceof NoInstance) plain(response, 503, error.message);
    else if (error instanceof NotForwarded) plain(response, 502, 'the instance ended before it answered');
    else throw error;
  } finally {
    clearTimeout(late);
  }
}

/** Gives the request to an instance. An instance that has just died did not get the request, so another one may. */
async function handOver(service: Service, request: IncomingMessage, late: NodeJS.Timeout, signal: AbortSignal) {
  const forwarded = {
    method: request.method ?? 'GET',
    path: request.url ?? '/',
    headers: endToEnd(request.headersDistinct),
    silenceMs: 0,
  };
  for (;;) {
    const lease = await service.acquire(signal);
    // A cold start does not count against the function's time.
    late.refresh();
    try {
      return { lease, answer: await forward(lease.instance.pool, request, forwarded, signal) };
    } catch (error) {
      if (error instanceof NotForwarded && !signal.aborted) lease.suspect();
      lease.release();
      if (!(error instanceof NotForwarded && error.refused)) throw error;
    }
  }
}

// Never logs the query, which may hold personal data.
function pathOf(request: IncomingMessage): string {
  return (request.url ?? '').replace(/\?.*$/, '');
}

function plain(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, {
    'content-type': 'text/plain; charset=utf-8',
    'content-length': Buffer.byteLength(text),
  });
  response.end(text);
}
